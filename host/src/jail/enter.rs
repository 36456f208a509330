//! The child's side of the jail: confine this process, then become the wanted program.
//!
//! Runs before any thread exists. Every step is irrevocable and inherited by whatever comes after.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::{
    process::{Resource, Rlimit, Signal, setrlimit},
    thread::{CapabilitySet, CapabilitySets},
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{Confinement, Spec};

/// The hidden command that leads here.
pub const COMMAND: &str = "__jail";

/// The exit code that says: the jail failed, the program never started.
pub const SETUP_FAILED: i32 = 125;

/// The newest Landlock interface that is asked for; an older kernel gives what it has.
const LANDLOCK_ABI: ABI = ABI::V6;

type Step<T = ()> = Result<T, String>;

/// Confines this process as `json` says and becomes the program in it. Returns only on failure.
#[allow(clippy::print_stderr, reason = "a confined child speaks to its parent")]
pub fn main(json: &str) -> ExitCode {
    let problem = match serde_json::from_str::<(Spec, Confinement)>(json) {
        Ok((spec, confinement)) => match confine(&spec, confinement) {
            Ok(()) => become_program(&spec),
            Err(problem) => problem,
        },
        Err(error) => format!("the jail's specification is unreadable: {error}"),
    };
    eprintln!("{problem}");
    ExitCode::from(SETUP_FAILED as u8)
}

fn confine(spec: &Spec, confinement: Confinement) -> Step {
    std::env::set_current_dir(&spec.cwd)
        .map_err(|error| format!("cannot enter {}: {error}", spec.cwd.display()))?;
    die_with_parent()?;
    drop_privileges()?;
    limit_resources(spec)?;
    if confinement == Confinement::Full {
        restrict_files(spec)?;
    }
    restrict_system_calls()
}

fn become_program(spec: &Spec) -> String {
    let error = Command::new(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .exec();
    format!("cannot execute {}: {error}", spec.program.display())
}

/// A host that is killed takes the child along.
fn die_with_parent() -> Step {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot set the parent-death signal: {error}"))
}

/// What the user `root` may do besides: gone for this process and for whatever it becomes.
fn drop_privileges() -> Step {
    let problem = |error: rustix::io::Errno| format!("cannot drop capabilities: {error}");
    let none = CapabilitySet::empty();
    if rustix::thread::capabilities(None).map_err(problem)?.permitted == none {
        return Ok(());
    }
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // This kernel has no such capability.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(problem(error)),
        }
    }
    let nothing = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, nothing).map_err(problem)
}

fn limit_resources(spec: &Spec) -> Step {
    let limits = [
        (Resource::As, spec.memory_bytes),
        (Resource::Fsize, spec.file_bytes),
        (Resource::Cpu, spec.cpu_s),
        (Resource::Core, 0),
        (Resource::Nofile, 512),
    ];
    for (resource, value) in limits {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit)
            .map_err(|error| format!("cannot limit {resource:?} to {value}: {error}"))?;
    }
    Ok(())
}

/// Landlock: the named paths and nothing else, no TCP, no signals and no abstract sockets to outside.
fn restrict_files(spec: &Spec) -> Step {
    let problem = |error: &dyn std::fmt::Display| format!("landlock: {error}");
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(|error| problem(&error))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))
        .map_err(|error| problem(&error))?
        .handle_access(AccessNet::from_all(LANDLOCK_ABI))
        .map_err(|error| problem(&error))?
        .scope(Scope::from_all(LANDLOCK_ABI))
        .map_err(|error| problem(&error))?
        .create()
        .map_err(|error| problem(&error))?;
    let mut rules = rules;
    for path in &spec.read {
        rules = allow(rules, path, AccessFs::from_read(LANDLOCK_ABI))?;
    }
    for path in &spec.write {
        rules = allow(rules, path, AccessFs::from_all(LANDLOCK_ABI) & !not_for_writers())?;
    }
    rules = allow(rules, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    let status = rules.restrict_self().map_err(|error| problem(&error))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(problem(&"the kernel does not enforce it")),
        _ => Ok(()),
    }
}

/// What a writable folder does not give: no program, no device, no pipe, no socket and no link is made or
/// used in it.
fn not_for_writers() -> BitFlags<AccessFs> {
    AccessFs::Execute
        | AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeFifo
        | AccessFs::MakeSock
        | AccessFs::MakeSym
        | AccessFs::IoctlDev
}

fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Step<RulesetCreated> {
    let problem = |error: &dyn std::fmt::Display| format!("landlock: {}: {error}", path.display());
    let is_file = fs::metadata(path).map_err(|error| problem(&error))?.is_file();
    let for_files = AccessFs::from_file(LANDLOCK_ABI);
    let access = if is_file { access & for_files } else { access };
    let file = PathFd::new(path).map_err(|error| problem(&error))?;
    rules.add_rule(PathBeneath::new(file, access)).map_err(|error| problem(&error))
}

/// No sockets of any family, no way out of the process group, no signals (before ABI 6 Landlock does not
/// stop them), no meddling with other processes or with the kernel. Refused calls fail with `EPERM`;
/// everything else goes through.
fn restrict_system_calls() -> Step {
    let refused = [
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_io_uring_setup,
        libc::SYS_setsid,
        libc::SYS_setpgid,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_send_signal,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
        libc::SYS_open_by_handle_at,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
    ];
    let mut rules: BTreeMap<i64, Vec<_>> = refused.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_tgkill, vec![signals_but_abort()?]);
    let program: BpfProgram = std::env::consts::ARCH
        .try_into()
        .and_then(|arch| {
            SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch)
        })
        .and_then(TryInto::try_into)
        .map_err(|error| format!("seccomp: {error}"))?;
    seccompiler::apply_filter(&program).map_err(|error| format!("seccomp: {error}"))
}

/// `abort` sends its own thread a signal; nothing else that runs in here sends any.
fn signals_but_abort() -> Step<SeccompRule> {
    let (argument, abort) = (2, libc::SIGABRT as u64);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, abort)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| format!("seccomp: {error}"))
}
