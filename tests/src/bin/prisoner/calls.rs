//! Calls that must be refused, family by family.

use std::{
    ffi::{CString, c_long},
    fs::File,
    io,
    os::fd::IntoRawFd,
    process::exit,
};

/// A file outside that the prisoner can name, but not open.
const VICTIM: &str = "secret";

/// A call, and the error it came to; 0 where it succeeded.
pub type Attempt = (String, i32);

pub fn tell(attempts: Vec<Attempt>) {
    let refused = |error: i32| matches!(error, libc::EPERM | libc::ENOSYS);
    for (name, error) in attempts.iter().filter(|(_, error)| !refused(*error)) {
        println!("{name}: not refused: {}", io::Error::from_raw_os_error(*error));
    }
    let kept = !attempts.is_empty() && attempts.iter().all(|(_, error)| refused(*error));
    println!("{} of {} calls", if kept { "kept" } else { "BROKEN" }, attempts.len());
}

fn call(number: c_long, arguments: &[c_long]) -> i32 {
    let at = |index: usize| arguments.get(index).copied().unwrap_or(0);
    // SAFETY: the tests want the call to be refused; its pointers, where it takes any, are to texts and zeros
    // that outlive it, or to nothing.
    let result = unsafe { libc::syscall(number, at(0), at(1), at(2), at(3), at(4), at(5)) };
    if result == -1 { io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

pub fn every_other_call(allowed: &str) -> Vec<Attempt> {
    let allowed: Vec<c_long> = allowed.split(',').filter_map(|number| number.parse().ok()).collect();
    // `uretprobe` and `uprobe`, which the kernel filters for nobody: outside of a probe they end the caller.
    let is_probe = |number: &c_long| cfg!(target_arch = "x86_64") && (335..=336).contains(number);
    let numbers = (0..=1_100).filter(|number| !allowed.contains(number) && !is_probe(number));
    // The numbers of the 32-bit variant of this processor.
    let other_abi = (0..=600).map(|number| number | 0x4000_0000);
    let other_abi = other_abi.filter(|_| cfg!(target_arch = "x86_64"));
    numbers.chain(other_abi).map(|number| (format!("call {number}"), call(number, &[-1; 6]))).collect()
}

/// Makes a list of attempts: `SYS_kill(parent, 9);`.
macro_rules! calls {
    ($($call:ident($($argument:expr),*);)*) => {
        vec![$((stringify!($call).to_owned(), call(libc::$call, &[$($argument as c_long),*]))),*]
    };
}

pub fn attempts(family: &str) -> Vec<Attempt> {
    let victim = CString::new(VICTIM).expect("a name");
    let victim = victim.as_ptr();
    // A file that may be read only.
    let readable = File::open("/bin/sh").expect("a file").into_raw_fd();
    let zeros = [0u64; 32];
    let zeros = zeros.as_ptr();
    // SAFETY: always succeeds.
    let parent = unsafe { libc::getppid() };
    match family {
        "modes" => modes(victim, readable),
        "attributes" => attributes(victim, readable, zeros),
        "watches-and-locks" => watches_and_locks(readable, zeros),
        "ipc" => ipc(victim, zeros),
        "priorities" => priorities(parent, zeros),
        "limits-of-others" => calls! {
            SYS_prlimit64(parent, libc::RLIMIT_NOFILE, zeros, 0);
            SYS_prlimit64(parent, libc::RLIMIT_FSIZE, 0, zeros);
            SYS_prlimit64(0, libc::RLIMIT_NOFILE, zeros, 0);
            SYS_prlimit64(0, libc::RLIMIT_NOFILE, 1u64 << 32, 0);
        },
        "signals" => signals(parent, readable, zeros),
        "clones" => clones(),
        "other-processes" => other_processes(parent, zeros),
        "system" => system(victim, zeros),
        "sockets" => sockets(zeros),
        other => panic!("there is no family {other}"),
    }
}

fn modes(victim: *const libc::c_char, readable: i32) -> Vec<Attempt> {
    let mut found = calls! {
        SYS_fchmod(readable, 0o777);
        SYS_fchmodat(libc::AT_FDCWD, victim, 0o666);
        SYS_fchown(readable, 0, 0);
        SYS_fchownat(libc::AT_FDCWD, victim, 0, 0, 0);
        SYS_utimensat(libc::AT_FDCWD, victim, 0, 0);
        SYS_umask(0);
        SYS_truncate(victim, 0);
    };
    #[cfg(target_arch = "x86_64")]
    found.extend(calls! {
        SYS_chmod(victim, 0o666);
        SYS_fchmodat2(libc::AT_FDCWD, victim, 0o666, 0);
        SYS_chown(victim, 0, 0);
        SYS_lchown(victim, 0, 0);
        SYS_utime(victim, 0);
        SYS_utimes(victim, 0);
        SYS_futimesat(libc::AT_FDCWD, victim, 0);
        SYS_open(victim, libc::O_RDONLY | libc::O_TRUNC);
    });
    found.extend(calls! { SYS_openat(libc::AT_FDCWD, victim, libc::O_RDONLY | libc::O_TRUNC); });
    found
}

fn attributes(victim: *const libc::c_char, readable: i32, zeros: *const u64) -> Vec<Attempt> {
    // Flags such as "cannot be changed", a project's number, a copy that shares blocks.
    const FS_IOC_SETFLAGS: u32 = 0x4008_6602;
    const FS_IOC_FSSETXATTR: u32 = 0x401c_5820;
    const FICLONE: u32 = 0x4004_9409;
    calls! {
        SYS_setxattr(victim, victim, zeros, 4, 0);
        SYS_lsetxattr(victim, victim, zeros, 4, 0);
        SYS_fsetxattr(readable, victim, zeros, 4, 0);
        SYS_removexattr(victim, victim);
        SYS_lremovexattr(victim, victim);
        SYS_fremovexattr(readable, victim);
        SYS_getxattr(victim, victim, zeros, 0);
        SYS_listxattr(victim, zeros, 0);
        SYS_ioctl(readable, FS_IOC_SETFLAGS, zeros);
        SYS_ioctl(readable, FS_IOC_FSSETXATTR, zeros);
        SYS_ioctl(readable, FICLONE, readable);
        SYS_ioctl(0, libc::TIOCSTI, zeros);
    }
}

fn watches_and_locks(readable: i32, zeros: *const u64) -> Vec<Attempt> {
    calls! {
        SYS_inotify_init1(0);
        SYS_fanotify_init(0, 0);
        SYS_fcntl(readable, libc::F_NOTIFY, 1);
        SYS_fcntl(readable, libc::F_SETLEASE, libc::F_RDLCK);
        SYS_fcntl(readable, libc::F_SETLK, zeros);
        SYS_fcntl(readable, libc::F_SETLKW, zeros);
        SYS_fcntl(readable, libc::F_OFD_SETLK, zeros);
        SYS_fcntl(1, libc::F_SETPIPE_SZ, 1 << 20);
        SYS_flock(readable, libc::LOCK_SH);
        SYS_epoll_create1(0);
        SYS_eventfd2(0, 0);
        SYS_timerfd_create(0, 0);
        SYS_signalfd4(-1, zeros, 8, 0);
    }
}

/// Memory and queues that outlive the processes, or that nobody counts.
fn ipc(name: *const libc::c_char, zeros: *const u64) -> Vec<Attempt> {
    let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    let huge = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    let validated = libc::MAP_SHARED_VALIDATE | libc::MAP_ANONYMOUS;
    calls! {
        SYS_shmget(0x6d6d68, 4096, 0o1600);
        SYS_shmat(0, 0, 0);
        SYS_shmctl(0, libc::IPC_RMID, 0);
        SYS_semget(0x6d6d68, 1, 0o1600);
        SYS_semop(0, zeros, 1);
        SYS_msgget(0x6d6d68, 0o1600);
        SYS_msgsnd(0, zeros, 8, 0);
        SYS_mq_open(name, libc::O_CREAT, 0o600, 0);
        SYS_mq_unlink(name);
        SYS_memfd_create(name, 0);
        SYS_memfd_secret(0);
        SYS_mmap(0, 4096, libc::PROT_READ | libc::PROT_WRITE, shared, -1, 0);
        SYS_mmap(0, 4096, libc::PROT_READ, shared, -1, 0);
        SYS_mmap(0, 4096, libc::PROT_READ, validated, -1, 0);
        SYS_mmap(0, 2 << 20, libc::PROT_READ, huge, -1, 0);
        SYS_mlock(zeros, 4096);
        SYS_mlockall(1);
        SYS_remap_file_pages(zeros, 4096, 0, 0, 0);
    }
}

fn priorities(parent: i32, zeros: *const u64) -> Vec<Attempt> {
    calls! {
        SYS_setpriority(0, parent, 19);
        SYS_setpriority(0, 0, 19);
        SYS_ioprio_set(1, parent, 0);
        SYS_sched_setaffinity(parent, 8, zeros);
        SYS_sched_setaffinity(0, 8, zeros);
        SYS_sched_setscheduler(parent, 0, zeros);
        SYS_sched_setparam(parent, zeros);
        SYS_sched_setattr(parent, zeros, 0);
        SYS_mbind(zeros, 4096, 0, 0, 0, 0);
        SYS_set_mempolicy(0, 0, 0);
        SYS_migrate_pages(parent, 0, 0, 0);
        SYS_move_pages(parent, 0, 0, 0, 0, 0);
    }
}

fn signals(parent: i32, readable: i32, zeros: *const u64) -> Vec<Attempt> {
    // SAFETY: always succeeds.
    let own = unsafe { libc::getpid() };
    calls! {
        SYS_kill(parent, 0);
        SYS_kill(parent, libc::SIGSTOP);
        SYS_kill(-1, libc::SIGKILL);
        SYS_kill(0, libc::SIGKILL);
        SYS_tkill(parent, libc::SIGABRT);
        SYS_tgkill(parent, parent, libc::SIGABRT);
        SYS_tgkill(-1, parent, libc::SIGABRT);
        SYS_rt_sigqueueinfo(parent, libc::SIGABRT, zeros);
        SYS_rt_tgsigqueueinfo(parent, parent, libc::SIGABRT, zeros);
        SYS_pidfd_open(parent, 0);
        SYS_pidfd_send_signal(readable, libc::SIGABRT, 0, 0);
        SYS_fcntl(1, libc::F_SETOWN, parent);
        SYS_fcntl(1, 15, zeros); // F_SETOWN_EX
        SYS_fcntl(1, 10, libc::SIGKILL); // F_SETSIG
        SYS_fcntl(1, libc::F_SETFL, libc::O_ASYNC);
        SYS_ioctl(1, libc::FIOASYNC, zeros);
        SYS_timer_create(0, zeros, zeros);
        SYS_setitimer(0, zeros, 0);
        SYS_setpgid(own, parent);
        SYS_setpgid(0, 0);
        SYS_setsid();
        SYS_prctl(libc::PR_SET_PDEATHSIG, 0);
        SYS_prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        SYS_prctl(libc::PR_SET_DUMPABLE, 0);
        SYS_prctl(libc::PR_SET_PTRACER, -1);
        SYS_prctl(libc::PR_SET_MM, 1, 0, 0, 0);
        SYS_prctl(libc::PR_SET_SECCOMP, 1);
    }
}

/// A process with each of these flags would be another's child, invisible, or not be ended with the group.
fn clones() -> Vec<Attempt> {
    let flags = [
        ("another parent", libc::CLONE_PARENT | libc::SIGCHLD),
        ("no exit signal", 0),
        ("another exit signal", libc::SIGUSR1),
        ("shared memory", libc::CLONE_VM | libc::SIGCHLD),
        ("traced", libc::CLONE_PTRACE | libc::SIGCHLD),
        ("untraced", libc::CLONE_UNTRACED | libc::SIGCHLD),
        ("a descriptor", libc::CLONE_PIDFD | libc::SIGCHLD),
        ("input and output", libc::CLONE_IO | libc::SIGCHLD),
        ("a user namespace", libc::CLONE_NEWUSER | libc::SIGCHLD),
        ("a process namespace", libc::CLONE_NEWPID | libc::SIGCHLD),
        ("a mount namespace", libc::CLONE_NEWNS | libc::SIGCHLD),
        ("a network namespace", libc::CLONE_NEWNET | libc::SIGCHLD),
        ("a cgroup namespace", libc::CLONE_NEWCGROUP | libc::SIGCHLD),
        ("a time namespace", 0x80),
    ];
    let mut found: Vec<Attempt> = Vec::new();
    for (name, flags) in flags {
        // SAFETY: as in `call`. A child that is made in spite of all ends at once.
        let result = unsafe { libc::syscall(libc::SYS_clone, c_long::from(flags), 0, 0, 0, 0) };
        if result == 0 {
            exit(0);
        }
        let error = if result == -1 { io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 };
        found.push((name.to_owned(), error));
    }
    let arguments = [0u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    found.push(("clone3".into(), call(libc::SYS_clone3, &[arguments.as_ptr() as c_long, 64])));
    found.extend(calls! {
        SYS_unshare(libc::CLONE_NEWUSER);
        SYS_unshare(libc::CLONE_FILES);
        SYS_setns(0, 0);
    });
    found
}

fn other_processes(parent: i32, zeros: *const u64) -> Vec<Attempt> {
    calls! {
        SYS_ptrace(libc::PTRACE_ATTACH, parent, 0, 0);
        SYS_ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
        SYS_process_vm_readv(parent, zeros, 0, zeros, 0, 0);
        SYS_process_vm_writev(parent, zeros, 0, zeros, 0, 0);
        SYS_process_madvise(parent, zeros, 0, 0, 0);
        SYS_pidfd_getfd(0, 0, 0);
        SYS_kcmp(parent, parent, 0, 0, 0);
        SYS_get_robust_list(parent, zeros, zeros);
        SYS_perf_event_open(zeros, parent, -1, -1, 0);
        SYS_bpf(0, zeros, 8);
        SYS_userfaultfd(0);
        SYS_seccomp(1, 0, zeros);
        SYS_landlock_create_ruleset(zeros, 8, 0);
        SYS_add_key(zeros, zeros, zeros, 1, -3);
        SYS_request_key(zeros, zeros, 0, -3);
        SYS_keyctl(0, -3, 1);
        SYS_getpriority(0, parent);
        SYS_setuid(0);
        SYS_setgid(0);
        SYS_setresuid(-1, -1, -1);
        SYS_setgroups(0, 0);
        SYS_capset(zeros, zeros);
        SYS_personality(0x4_0000);
    }
}

fn system(path: *const libc::c_char, zeros: *const u64) -> Vec<Attempt> {
    let mut found = calls! {
        SYS_mount(path, path, path, 0, 0);
        SYS_umount2(path, 0);
        SYS_pivot_root(path, path);
        SYS_chroot(path);
        SYS_chdir(path);
        SYS_fchdir(0);
        SYS_open_tree(libc::AT_FDCWD, path, 0);
        SYS_move_mount(0, path, 0, path, 0);
        SYS_fsopen(path, 0);
        SYS_mount_setattr(0, path, 0, zeros, 32);
        SYS_name_to_handle_at(libc::AT_FDCWD, path, zeros, zeros, 0);
        SYS_open_by_handle_at(0, zeros, 0);
        SYS_openat2(libc::AT_FDCWD, path, zeros, 24);
        SYS_symlinkat(path, libc::AT_FDCWD, path);
        SYS_linkat(libc::AT_FDCWD, path, libc::AT_FDCWD, path, 0);
        SYS_mknodat(libc::AT_FDCWD, path, 0o10600, 0);
        SYS_execveat(libc::AT_FDCWD, path, 0, 0, 0);
        SYS_fallocate(1, libc::FALLOC_FL_KEEP_SIZE, 0, 4096);
        SYS_reboot(0, 0, 0, 0);
        SYS_sethostname(path, 1);
        SYS_settimeofday(zeros, 0);
        SYS_clock_settime(0, zeros);
        SYS_adjtimex(zeros);
        SYS_init_module(zeros, 0, path);
        SYS_swapon(path, 0);
        SYS_acct(path);
        SYS_quotactl(0, path, 0, 0);
        SYS_syslog(3, 0, 0);
        SYS_sync();
        SYS_vhangup();
    };
    #[cfg(target_arch = "x86_64")]
    found.extend(calls! {
        SYS_symlink(path, path);
        SYS_link(path, path);
        SYS_mknod(path, 0o10600, 0);
        SYS_iopl(3);
        SYS_ioperm(0, 1, 1);
        SYS_modify_ldt(0, zeros, 0);
        SYS_ustat(0, zeros);
    });
    found
}

fn sockets(zeros: *const u64) -> Vec<Attempt> {
    let mut found = Vec::new();
    for family in 0..48 {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
            found
                .push((format!("socket {family} {kind}"), call(libc::SYS_socket, &[family, kind.into(), 0])));
        }
    }
    found.extend(calls! {
        SYS_socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0, zeros);
        SYS_socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, zeros);
        SYS_socketpair(libc::AF_INET, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, zeros);
        SYS_connect(1, zeros, 16);
        SYS_bind(1, zeros, 16);
        SYS_listen(1, 1);
        SYS_accept4(1, 0, 0, 0);
        SYS_sendto(1, zeros, 1, 0, zeros, 16);
        SYS_sendmsg(1, zeros, 0);
        SYS_sendmmsg(1, zeros, 1, 0);
        SYS_recvmsg(1, zeros, 0);
        SYS_setsockopt(1, 1, 1, zeros, 4);
        SYS_splice(0, 0, 1, 0, 1, 0);
        SYS_tee(0, 1, 1, 0);
        SYS_vmsplice(1, zeros, 0, 0);
        SYS_sendfile(1, 0, 0, 1);
        SYS_copy_file_range(0, 0, 1, 0, 1, 0);
        SYS_io_uring_setup(8, zeros);
        SYS_io_setup(8, zeros);
    });
    found
}
