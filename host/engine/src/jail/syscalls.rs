//! The system calls that a confined child may make. Whatever is not in this table is refused.
//!
//! Found by tracing rustc 1.95 with its linkers and the native compiler on Linux 6.18 with glibc 2.36. Beside
//! them stand the calls that other versions of glibc, musl and the linkers make in their place. An entry has to be
//! needed by an innocent compiler, and may affect only the child itself and the paths that Landlock leaves to it.

use std::os::raw::c_int;

use super::Role;

/// One call that is allowed, and with which arguments.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Its number on this processor.
    pub number: i64,
    /// Its name in `libc`, such as `SYS_read`.
    pub name: &'static str,
    /// With which arguments it is allowed.
    pub when: When,
    /// What needs it.
    pub why: &'static str,
}

/// The arguments with which a call is allowed.
#[derive(Clone, Debug)]
pub enum When {
    /// Any.
    Always,
    /// Those that meet one of these lists; every condition of the list has to hold.
    Either(Vec<Vec<Argument>>),
}

/// A condition on one argument: certain bits of it have a certain value.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Which argument, from 0 to 5.
    pub at: u8,
    /// A mask of the bits that are compared.
    pub bits: u64,
    /// What these bits have to be.
    pub value: u64,
}

/// Calls of Linux 5.1 and newer, which have the same numbers on all processors. Those that are not allowed answer as
/// an older kernel would, and every libc then uses an older call. `clone3` is one of them: its flags lie in memory,
/// where no filter sees them.
pub const NEW_CALLS: std::ops::RangeInclusive<i64> = 424..=511;

/// What the processes of `pthread_create` share with their creator.
const THREAD: c_int = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM;

/// Flags of threads and of `fork` that say where an id is written, and nothing else.
const BOOKKEEPING: c_int = libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_SETTID
    | libc::CLONE_CHILD_CLEARTID
    | libc::CLONE_DETACHED;

/// The bits of `mmap`'s flags that say whether memory is shared.
const SHARING: c_int = libc::MAP_SHARED | libc::MAP_PRIVATE;

/// All calls that are allowed, for a child of this role whose process id is `own`.
pub fn allowed(own: u32, role: Role) -> Vec<Allowed> {
    let mut calls = files();
    calls.extend(memory());
    calls.extend(processes(own));
    calls.extend(signals_and_time());
    calls.extend(of_this_processor());
    if role == Role::Runtime {
        // The entry of a runtime takes the place of the one that all have.
        let more = of_runtimes();
        calls.retain(|it| more.iter().all(|other| other.number != it.number));
        calls.extend(more);
    }
    calls
}

/// Makes entries: `read: Always, "why";`.
macro_rules! calls {
    ($($call:ident: $when:expr, $why:literal;)*) => {
        vec![$(Allowed { number: libc::$call, name: stringify!($call), when: $when, why: $why }),*]
    };
}

use When::Always;

/// Reading and writing. Landlock decides which files can be opened, made and removed. It does not cover modes, owners,
/// times, attributes, locks and watches, so these calls are refused.
fn files() -> Vec<Allowed> {
    calls! {
        SYS_read: Always, "files and pipes";
        SYS_readv: Always, "files and pipes";
        SYS_pread64: Always, "the loader, archives";
        SYS_preadv: Always, "files";
        SYS_write: Always, "files and diagnostics";
        SYS_writev: Always, "diagnostics";
        SYS_pwrite64: Always, "the linker's output";
        SYS_pwritev: Always, "files";
        SYS_lseek: Always, "archives, sizes of files";
        SYS_close: Always, "every file";
        SYS_close_range: Always, "starting the linker";
        SYS_dup: Always, "starting the linker";
        SYS_dup3: Always, "starting the linker";
        SYS_pipe2: Always, "the linker's output, the compiler's job tokens";
        SYS_fcntl: fcntl(), "flags of files";
        SYS_ioctl: ioctl(), "whether diagnostics go to a terminal, pipes that do not block";
        SYS_openat: opening(2), "every file";
        SYS_fstat: Always, "sizes of files";
        SYS_newfstatat: Always, "looking for libraries";
        SYS_statx: Always, "looking for libraries";
        SYS_statfs: Always, "whether a file may be mapped";
        SYS_fstatfs: Always, "whether a file may be mapped";
        SYS_faccessat: Always, "looking for programs";
        SYS_faccessat2: Always, "looking for programs";
        SYS_readlinkat: Always, "real paths";
        SYS_getcwd: Always, "real paths";
        SYS_getdents64: Always, "looking for libraries, removing temporary folders";
        SYS_mkdirat: Always, "temporary folders";
        SYS_unlinkat: Always, "temporary files";
        SYS_renameat2: Always, "output that appears as a whole";
        SYS_ftruncate: Always, "the linker's output";
        SYS_fallocate: where_all([exactly(1, 0)]), "the linker's output, with LLVM's libraries of some systems";
        SYS_fadvise64: Always, "reading large files";
    }
}

/// The child's own memory. Shared memory is refused, so that the sum of all memory can be counted; the linker then
/// writes its output in the ordinary way.
fn memory() -> Vec<Allowed> {
    calls! {
        SYS_mmap: where_all([masked(3, SHARING | libc::MAP_HUGETLB, libc::MAP_PRIVATE)]), "memory, libraries";
        SYS_munmap: Always, "memory";
        SYS_mremap: Always, "memory";
        SYS_mprotect: Always, "the loader, guard pages of stacks";
        SYS_madvise: Always, "memory that is given back";
        SYS_brk: Always, "memory";
    }
}

/// Processes and threads that stay below the child. Flags that give them another parent, session, namespace, tracer or
/// exit signal are refused.
fn processes(own: u32) -> Vec<Allowed> {
    let vfork = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let clone = When::Either(vec![
        vec![masked(0, !BOOKKEEPING, THREAD)],
        vec![masked(0, !BOOKKEEPING, libc::SIGCHLD)],
        vec![masked(0, !0, vfork)],
    ]);
    calls! {
        SYS_clone: clone, "threads, starting the linker";
        SYS_execve: Always, "the compiler, the linker";
        SYS_socketpair: pair(), "Rust's library hears by it that the linker was started";
        SYS_recvfrom: Always, "the same: there are no sockets but those of a pair";
        SYS_sendto: where_all([nothing(4)]), "the same, without an address";
        SYS_exit: Always, "threads";
        SYS_exit_group: Always, "every process";
        SYS_wait4: Always, "the linker's end";
        SYS_waitid: Always, "the linker's end";
        SYS_set_tid_address: Always, "threads";
        SYS_set_robust_list: Always, "threads";
        SYS_rseq: Always, "threads";
        SYS_futex: Always, "locks";
        SYS_gettid: Always, "threads";
        SYS_getpid: Always, "names of temporary files";
        SYS_getppid: Always, "names of temporary files, shells";
        SYS_getuid: Always, "the loader, where the kernel does not tell it";
        SYS_geteuid: Always, "the loader, where the kernel does not tell it";
        SYS_getgid: Always, "the loader, where the kernel does not tell it";
        SYS_getegid: Always, "the loader, where the kernel does not tell it";
        SYS_sched_yield: Always, "locks";
        SYS_sched_getaffinity: Always, "how many threads are worth while";
        SYS_getcpu: Always, "memory by processor";
        SYS_sysinfo: Always, "how much memory there is";
        SYS_uname: Always, "the loader";
        SYS_prlimit64: own_limits_to_read(), "the size of the stack";
        SYS_getrusage: Always, "what a pass of the compiler took";
        SYS_prctl: prctl(&[]), "names of threads; `mmh doctor` asks what holds";
        SYS_capget: Always, "`mmh doctor` asks what holds";
        SYS_getrandom: Always, "names of temporary files, hash tables";
        SYS_tgkill: where_all([exactly(0, own)]), "a compiler that aborts, its threads that wake each other";
    }
}

fn signals_and_time() -> Vec<Allowed> {
    calls! {
        SYS_rt_sigaction: Always, "a handler that tells a stack overflow";
        SYS_rt_sigprocmask: Always, "starting threads and the linker";
        SYS_rt_sigreturn: Always, "handlers";
        SYS_rt_sigsuspend: Always, "shells";
        SYS_sigaltstack: Always, "a handler that tells a stack overflow";
        SYS_restart_syscall: Always, "calls that a signal interrupts";
        SYS_clock_gettime: Always, "time, where the kernel's library has none";
        SYS_clock_getres: Always, "time";
        SYS_gettimeofday: Always, "time, where the kernel's library has none";
        SYS_clock_nanosleep: Always, "waiting";
        SYS_nanosleep: Always, "waiting";
        SYS_ppoll: Always, "the linker's output";
        SYS_pselect6: Always, "waiting";
    }
}

/// The older forms of calls, which only this processor has.
#[cfg(target_arch = "x86_64")]
fn of_this_processor() -> Vec<Allowed> {
    calls! {
        SYS_access: Always, "looking for programs";
        SYS_arch_prctl: Always, "threads";
        SYS_dup2: Always, "starting the linker";
        SYS_fork: Always, "shells";
        SYS_getrlimit: Always, "the size of the stack";
        SYS_lstat: Always, "looking for files";
        SYS_mkdir: Always, "temporary folders";
        SYS_open: opening(1), "every file";
        SYS_pipe: Always, "the linker's output";
        SYS_poll: Always, "the linker's output";
        SYS_readlink: Always, "real paths";
        SYS_rename: Always, "output that appears as a whole";
        SYS_renameat: Always, "output that appears as a whole";
        SYS_rmdir: Always, "temporary folders";
        SYS_select: Always, "waiting";
        SYS_stat: Always, "looking for files";
        SYS_time: Always, "time, where the kernel's library has none";
        SYS_unlink: Always, "temporary files";
        SYS_vfork: Always, "starting the linker";
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn of_this_processor() -> Vec<Allowed> {
    Vec::new()
}

/// What only [`Role::Runtime`] may do: its engine waits for timers and its own events, and `steady.c` restricts it further.
/// Neither reaches anything outside of the child.
fn of_runtimes() -> Vec<Allowed> {
    #[cfg(target_arch = "x86_64")]
    let older = calls! { SYS_epoll_wait: Always, "the engine's event loop"; };
    #[cfg(not(target_arch = "x86_64"))]
    let older = Vec::new();
    let mut calls = calls! {
        SYS_epoll_create1: Always, "the engine's event loop";
        SYS_epoll_ctl: Always, "the engine's event loop";
        SYS_epoll_pwait: Always, "the engine's event loop";
        SYS_eventfd2: Always, "waking the engine's event loop";
        SYS_prctl: prctl(&[libc::PR_SET_SECCOMP]), "a filter of its own, for a fixed clock and fixed chance: no filter allows what an earlier one refuses";
    };
    calls.extend(older);
    calls
}

/// Opening files, except for truncating a file that is opened for reading: before version 3 of its interface Landlock
/// does not count truncating as writing.
fn opening(at: u8) -> When {
    When::Either(vec![
        vec![masked(at, libc::O_TRUNC, 0)],
        vec![masked(at, libc::O_ACCMODE, libc::O_WRONLY)],
        vec![masked(at, libc::O_ACCMODE, libc::O_RDWR)],
    ])
}

/// No locks, leases and watches on files, no signals at input, no larger pipes.
fn fcntl() -> When {
    let commands = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL];
    let mut cases: Vec<_> = commands.into_iter().map(|command| vec![masked(1, !0, command)]).collect();
    cases.push(vec![masked(1, !0, libc::F_SETFL), masked(2, libc::O_ASYNC, 0)]);
    When::Either(cases)
}

fn ioctl() -> When {
    let commands = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX];
    When::Either(commands.into_iter().map(|command| vec![exactly(1, command as u32)]).collect())
}

/// Questions, the names of threads, and these commands.
fn prctl(more: &[c_int]) -> When {
    let questions = [libc::PR_GET_NAME, libc::PR_GET_NO_NEW_PRIVS, libc::PR_GET_PDEATHSIG];
    let options = questions.into_iter().chain([libc::PR_SET_NAME]).chain(more.iter().copied());
    When::Either(options.map(|option| vec![masked(0, !0, option)]).collect())
}

/// Two sockets that are connected to each other and to nothing else.
fn pair() -> When {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    where_all([masked(0, !0, libc::AF_UNIX), masked(1, !0, kind), exactly(2, 0)])
}

/// The child's own limits only, and no new limit: the third argument would point to it.
fn own_limits_to_read() -> When {
    where_all([exactly(0, 0), nothing(2)])
}

/// A pointer to nothing.
fn nothing(at: u8) -> Argument {
    Argument { at, bits: u64::MAX, value: 0 }
}

fn where_all<const N: usize>(arguments: [Argument; N]) -> When {
    When::Either(vec![arguments.into()])
}

/// The kernel takes the lower half of these arguments, so the upper one is not looked at.
fn exactly(at: u8, value: u32) -> Argument {
    Argument { at, bits: u32::MAX.into(), value: value.into() }
}

fn masked(at: u8, bits: c_int, value: c_int) -> Argument {
    Argument { at, bits: (bits as u32).into(), value: (value as u32).into() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_call_stands_once_and_says_why() {
        for role in [Role::Compiler, Role::Runtime] {
            sound(&allowed(1, role));
        }
        let of = |role| allowed(1, role).len();
        assert!(of(Role::Runtime) > of(Role::Compiler));
    }

    fn sound(table: &[Allowed]) {
        let numbers: HashSet<i64> = table.iter().map(|it| it.number).collect();
        assert_eq!(numbers.len(), table.len(), "each once");
        for Allowed { name, why, when, .. } in table {
            assert!(!why.is_empty(), "{name}");
            if let When::Either(alternatives) = when {
                let is_met = |it: &Argument| it.at < 6 && it.value & !it.bits == 0;
                assert!(alternatives.iter().all(|it| !it.is_empty()), "{name} without a condition is Always");
                assert!(
                    alternatives.iter().flatten().all(is_met),
                    "{name} has a condition that nothing meets"
                );
            }
        }
    }
}
