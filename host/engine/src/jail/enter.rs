//! The child's side of the jail: confine this process, then become the wanted program.
//!
//! Runs before any thread exists. Every step is irrevocable and inherited by whatever comes after.
//!
//! Standard input is a pipe to the warden. If the child cannot be confined, it writes the reason into the pipe. The
//! pipe is closed when the program begins, so that the program cannot speak for the jail.

use std::{
    fs,
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::{
    process::{Resource, Rlimit, Signal, setrlimit},
    thread::{CapabilitySet, CapabilitySets},
};

use super::{Confinement, Spec, filter};

/// The hidden command that leads here.
pub const COMMAND: &str = "__jail";

/// The newest Landlock interface that is asked for; an older kernel gives what it has.
const LANDLOCK_ABI: ABI = ABI::V6;

type Step<T = ()> = Result<T, String>;

/// Most open files of a process.
const OPEN_FILES: u64 = 512;

/// Confines this process as `json` says and becomes the program in it. Returns only on failure.
pub fn main(json: &str) -> ExitCode {
    // Standard input is replaced before the program begins, even if it then does not begin.
    let warden = std::io::stdin().as_fd().try_clone_to_owned();
    let problem = match serde_json::from_str::<(Spec, Confinement)>(json) {
        Ok((spec, confinement)) => match confine(&spec, confinement) {
            Ok(()) => become_program(&spec),
            Err(problem) => problem,
        },
        Err(error) => format!("the jail's specification is unreadable: {error}"),
    };
    if let Ok(warden) = warden {
        // If the warden is gone, there is nobody left to tell.
        let _ = rustix::io::write(warden, problem.as_bytes());
    }
    ExitCode::FAILURE
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
    filter::apply(spec.role)
}

fn become_program(spec: &Spec) -> String {
    let error = Command::new(&spec.program)
        .args(&spec.args)
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .exec();
    format!("cannot execute {}: {error}", spec.program.display())
}

/// The child is killed when the warden ends.
fn die_with_parent() -> Step {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot set the parent-death signal: {error}"))
}

/// Drops all privileges of the user `root`, for this process and for all programs that it becomes.
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
        (Resource::As, spec.role.address_bytes(spec.memory_bytes)),
        (Resource::Fsize, spec.file_bytes),
        (Resource::Cpu, spec.cpu_s),
        (Resource::Core, 0),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
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

/// Rights that even a writable folder does not give: to run programs, to make devices, pipes, sockets and links, and
/// to control devices.
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
    let is_folder = fs::metadata(path).map_err(|error| problem(&error))?.is_dir();
    let for_files = AccessFs::from_file(LANDLOCK_ABI);
    let access = if is_folder { access } else { access & for_files };
    let file = PathFd::new(path).map_err(|error| problem(&error))?;
    rules.add_rule(PathBeneath::new(file, access)).map_err(|error| problem(&error))
}
