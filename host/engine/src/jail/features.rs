//! What this kernel offers the jail, found by trying it out in a child.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError, Scope,
};
use rustix::{
    io::Errno,
    process::{Resource, Signal, getrlimit, prlimit},
};
use serde::Serialize;

use super::{Confinement, Ending, Jail, Role, Spec};
use crate::elf;
use mmh_record::text;

/// A file that everybody may read, but a confined child may not.
const OUTSIDE: &str = "/proc/self/environ";

/// Address space of the child that tries things out.
const PROBE_MEMORY_BYTES: u64 = 4 << 30;

/// What each Landlock interface added, from the first one that matters here.
const LANDLOCK: [(u32, &str); 6] = [
    (1, "files"),
    (2, "moving files between folders"),
    (3, "truncating files"),
    (4, "TCP"),
    (5, "device control"),
    (6, "signals and abstract sockets"),
];

/// Whether children can be confined here, and if not, what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Everything the jail needs works: a child was confined and could not read what it must not.
    pub confines: bool,
    /// One line for people.
    pub detail: String,
    /// Feature by feature.
    pub features: Vec<Feature>,
}

/// One part of the jail, and whether it works here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Such as `landlock` or `seccomp`.
    pub name: String,
    /// Whether it works on this machine.
    pub ok: bool,
    /// One line for people: what holds, or what is missing.
    pub detail: String,
}

/// The newest version of Landlock's interface that this kernel has, up to 6; `None` if it has no Landlock.
pub fn landlock_abi() -> Option<u32> {
    let has = |abi: u32| ruleset(abi).is_ok();
    (1..=LANDLOCK.len() as u32).take_while(|&abi| has(abi)).last()
}

/// Makes a set of rules that needs this version of the interface. Making one restricts nothing.
fn ruleset(abi: u32) -> Result<(), RulesetError> {
    let wanted = ABI::from(abi as i32);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(wanted))?;
    if abi >= 4 {
        rules = rules.handle_access(AccessNet::from_all(wanted))?;
    }
    if abi >= 6 {
        rules = rules.scope(Scope::from_all(wanted))?;
    }
    rules.create().map(drop)
}

fn landlock() -> Feature {
    let abi = landlock_abi();
    let listed = |wanted: &dyn Fn(u32) -> bool| {
        let names = LANDLOCK.iter().filter(|(abi, _)| wanted(*abi)).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let detail = match abi {
        None => "this kernel has none: Linux 5.13 or newer does, where it is enabled".into(),
        Some(abi) if abi as usize == LANDLOCK.len() => format!("ABI {abi} or newer: {}", listed(&|_| true)),
        Some(abi) => {
            format!("ABI {abi}: {}; a newer kernel has {}", listed(&|it| it <= abi), listed(&|it| it > abi))
        }
    };
    Feature { name: "landlock".into(), ok: abi.is_some(), detail }
}

/// Starts a harmless child in the jail that tries to get out of it. Without Landlock the other parts are tried.
pub async fn detect(jail: &Jail) -> Features {
    let landlock = landlock();
    let has_landlock = landlock.ok;
    let jail = match has_landlock {
        true => jail.clone(),
        false => jail.clone().with(Confinement::NoLandlock),
    };
    let mut features = vec![landlock];
    let (held, problem) = match probed(&jail).await {
        Ok((held, said)) => {
            features.extend(said);
            (held, "a confined child was not contained".to_owned())
        }
        Err(problem) => (false, problem),
    };
    let missing: Vec<&str> = features.iter().filter(|it| !it.ok).map(|it| it.name.as_str()).collect();
    let detail = match (held && has_landlock, has_landlock) {
        (true, _) => {
            "Landlock, seccomp and resource limits hold: a child could neither read outside nor open a socket"
                .into()
        }
        (false, true) => format!("{problem}: {}", missing.join(", ")),
        (false, false) => format!(
            "this kernel has no Landlock; missing: {}; --allow-unconfined goes on with the rest",
            missing.join(", ")
        ),
    };
    Features { confines: held && has_landlock, detail, features }
}

/// Whether the child was contained, and its answer for each attempt. The error says why there is no answer.
async fn probed(jail: &Jail) -> Result<(bool, Vec<Feature>), String> {
    let launcher = jail.launcher().clone();
    let cwd = launcher.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let spec = Spec {
        args: vec![PROBE_COMMAND.into(), OUTSIDE.into()],
        read: elf::with_libraries(&launcher).await,
        program: launcher,
        env: Vec::new(),
        cwd,
        write: Vec::new(),
        role: Role::Compiler,
        memory_bytes: PROBE_MEMORY_BYTES,
        file_bytes: 0,
        files_bytes: 0,
        cpu_s: 10,
    };
    let done = jail.run(&spec, Duration::from_secs(10), 4096).await.map_err(|error| error.to_string())?;
    let lines = done.stdout.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        let (name, ok, detail) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Feature { name: name.into(), ok: ok == "ok", detail: detail.into() })
    });
    let features: Vec<Feature> = lines.collect();
    if features.is_empty() {
        return Err(format!("the child ended at once: {:?} {}", done.ending, text::one_line(&done.stderr)));
    }
    Ok((done.ending == Ending::Exited(PROBE_CONTAINED), features))
}

/// The hidden command that leads to [`probe`].
pub const PROBE_COMMAND: &str = "__jail-probe";

/// The exit code of a child whose attempts were all refused.
pub const PROBE_CONTAINED: i32 = 42;

/// Tries what the jail must refuse, inside of the jail. `outside` is a file that it must not be able to read. Prints
/// a line for each attempt.
#[expect(clippy::print_stdout, reason = "a confined child speaks to its parent")]
pub fn probe(outside: &str) -> ExitCode {
    let memory = getrlimit(Resource::As).current == Some(PROBE_MEMORY_BYTES);
    let cores = getrlimit(Resource::Core).current == Some(0);
    let dies = rustix::process::parent_process_death_signal().is_ok_and(|it| it == Some(Signal::KILL));
    let capabilities = rustix::thread::capabilities(None).is_ok_and(|it| it.permitted.is_empty());
    // Landlock covers neither of these.
    let mode = rustix::fs::chmod(outside, rustix::fs::Mode::from_bits_truncate(0o400));
    let unchanged = getrlimit(Resource::Core);
    let limits = prlimit(rustix::process::getppid(), Resource::Core, unchanged).map(drop);
    let attempts = [
        ("files", std::fs::read(outside).is_err(), "a file outside cannot be read"),
        ("folders", !can_create("mmh-jail-probe"), "a file outside cannot be written"),
        ("file modes", mode == Err(Errno::PERM), "what belongs to files outside cannot be changed"),
        ("other processes", limits == Err(Errno::PERM), "their limits cannot be changed"),
        ("seccomp", std::net::UdpSocket::bind(("127.0.0.1", 0)).is_err(), "a socket cannot be opened"),
        ("process group", rustix::process::setsid().is_err(), "it cannot be left, and is killed as a whole"),
        ("no new privileges", rustix::thread::no_new_privs().unwrap_or(false), "no program gives any back"),
        ("capabilities", capabilities, "there are none"),
        ("resource limits", memory && cores, "memory, file size, processor time, open files, no core dump"),
        ("parent's death", dies, "takes the child along"),
    ];
    for (name, held, detail) in &attempts {
        let detail = if *held { (*detail).to_owned() } else { format!("it does not hold that {detail}") };
        println!("{name}\t{}\t{detail}", if *held { "ok" } else { "missing" });
    }
    if attempts.iter().all(|(_, held, _)| *held) {
        return ExitCode::from(PROBE_CONTAINED as u8);
    }
    ExitCode::FAILURE
}

fn can_create(name: &str) -> bool {
    let created = std::fs::File::create_new(name).is_ok();
    if created {
        // A child that could make the file can also remove it.
        let _ = std::fs::remove_file(name);
    }
    created
}
