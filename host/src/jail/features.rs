//! What this kernel offers the jail, found by trying it out in a child.

use std::{path::PathBuf, time::Duration};

use super::{Ending, Jail, Spec};
use crate::toolchain::elf;

/// A file that everybody may read, but a confined child may not.
const OUTSIDE: &str = "/proc/self/environ";

/// Whether children can be confined here, and if not, what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Everything the jail needs works: a child was confined and could not read what it must not.
    pub confines: bool,
    /// One line for people.
    pub detail: String,
}

/// Starts a harmless child in the jail, which tries to get out of it.
pub async fn detect(jail: &Jail) -> Features {
    let launcher = jail.launcher().clone();
    let cwd = launcher.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let spec = Spec {
        args: vec![PROBE_COMMAND.into(), OUTSIDE.into()],
        read: elf::with_libraries(&launcher).await,
        program: launcher,
        env: Vec::new(),
        cwd,
        write: Vec::new(),
        memory_bytes: 4 << 30,
        file_bytes: 0,
        cpu_s: 10,
    };
    match jail.run(&spec, Duration::from_secs(10), 4096).await {
        Ok(done) if done.ending == Ending::Exited(PROBE_CONTAINED) => Features {
            confines: true,
            detail: "Landlock, seccomp and resource limits hold: a child could neither read outside nor open a socket"
                .into(),
        },
        Ok(done) => Features {
            confines: false,
            detail: format!("a confined child was not contained: {:?} {}", done.ending, done.stderr.trim()),
        },
        Err(error) => Features { confines: false, detail: error.to_string() },
    }
}

/// The hidden command that tries to break out.
pub const PROBE_COMMAND: &str = "__jail-probe";

/// The exit code that says: every attempt was refused.
pub const PROBE_CONTAINED: i32 = 42;

/// Tries what the jail must refuse. Runs inside of it.
pub fn probe(outside: &str) -> std::process::ExitCode {
    let attempts = [
        ("read a file outside", std::fs::read(outside).is_ok()),
        ("open a socket", std::net::UdpSocket::bind(("127.0.0.1", 0)).is_ok()),
        ("write a file", std::fs::write("mmh-jail-probe", "x").is_ok()),
        ("leave the process group", rustix::process::setsid().is_ok()),
    ];
    let escaped: Vec<&str> = attempts.iter().filter(|(_, done)| *done).map(|(name, _)| *name).collect();
    if escaped.is_empty() {
        return std::process::ExitCode::from(PROBE_CONTAINED as u8);
    }
    eprintln!("it could {}", escaped.join(", "));
    std::process::ExitCode::FAILURE
}
