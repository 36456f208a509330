//! Runs one untrusted child process, confined.
//!
//! Between host and child stands a [`warden`], which is this program itself (`launcher`). It starts the launcher
//! once more, as `__jail SPEC`: single-threaded, that limits itself (see [`enter`]) and then becomes the wanted
//! program. The child gets no environment but what the spec names, reads and writes only the paths that the spec
//! names, makes only the system calls of one table ([`syscalls`]), has no network and cannot leave its process
//! group. All its processes together are watched (`watch`), and all of them have ended when a run ends.
//!
//! Not in here: what is run. See `compile` and `compile::native`.

pub mod enter;
mod excess;
pub mod features;
mod filter;
pub mod offspring;
mod role;
pub mod syscalls;
pub mod warden;
mod watch;

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use mmh_record::built::Confinement;

pub use excess::Excess;
pub use role::Role;
use warden::{Order, Report};

/// What a child may do. Paths are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program that the child becomes.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<String>,
    /// The child's whole environment.
    pub env: Vec<(String, String)>,
    /// The folder that the child starts in.
    pub cwd: PathBuf,
    /// Files and folders that it may read and execute.
    pub read: Vec<PathBuf>,
    /// Folders in which it may also write.
    pub write: Vec<PathBuf>,
    /// What the child is, which decides some of what it may do.
    #[serde(default)]
    pub role: Role,
    /// Memory of all processes together, in bytes. It also bounds the address space of each, see [`Role::address_bytes`].
    pub memory_bytes: u64,
    /// Largest file that it may write, in bytes.
    pub file_bytes: u64,
    /// Most bytes of all files together.
    pub files_bytes: u64,
    /// Processor time of each process, in seconds.
    pub cpu_s: u64,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By itself, with this exit code.
    Exited(i32),
    /// Killed by this signal.
    Signaled(i32),
    /// Killed because its wall-clock time was over.
    TimedOut,
    /// Killed because all its processes together exceeded this limit.
    OverLimit(Excess),
}

/// A child that has ended. Output beyond the cap was thrown away.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// The start of its standard output. Bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// The same of its standard error.
    pub stderr: String,
}

/// Why a child could not be confined or started. Never the child's own failure.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// The launcher could not be started, or the connection to it broke.
    #[error("the jail could not start {program}: {source}")]
    Start {
        /// The launcher.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A step of the confinement failed; the text says which one and why.
    #[error("the jail could not be set up: {0}")]
    Setup(String),
}

/// Starts confined children.
#[derive(Clone, Debug)]
pub struct Jail {
    launcher: PathBuf,
    confinement: Confinement,
}

impl Jail {
    /// A jail that starts its children through this program, which must answer to `__jail`.
    pub fn new(launcher: PathBuf) -> Self {
        Self { launcher, confinement: Confinement::Full }
    }

    /// The same jail with this confinement.
    pub fn with(self, confinement: Confinement) -> Self {
        Self { confinement, ..self }
    }

    /// How this jail confines its children.
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// The program that this jail starts its children through.
    pub fn launcher(&self) -> &PathBuf {
        &self.launcher
    }

    /// Runs a child to its end, for at most `wall`, and keeps at most `output_bytes` of each output stream. If the
    /// future is dropped, the child is killed.
    pub async fn run(&self, spec: &Spec, wall: Duration, output_bytes: usize) -> Result<Finished, JailError> {
        let order = Order {
            spec: spec.clone(),
            confinement: self.confinement,
            launcher: self.launcher.clone(),
            wall,
            output_bytes,
        };
        let broken = |source: io::Error| JailError::Start { program: self.launcher.clone(), source };
        let mut warden = self.warden().map_err(broken)?;
        // It stays open until this function returns or is dropped. Then the warden kills everything.
        let mut stdin = warden.stdin.take();
        let mut json = serde_json::to_vec(&order).map_err(|error| JailError::Setup(error.to_string()))?;
        json.push(b'\n');
        let mut said = Vec::new();
        let talk = async {
            if let (Some(stdin), Some(mut stdout)) = (stdin.as_mut(), warden.stdout.take()) {
                stdin.write_all(&json).await?;
                // JSON may need six bytes for one byte of text, and there are two streams.
                let most = 12 * output_bytes as u64 + MAX_REPORT_BYTES;
                (&mut stdout).take(most).read_to_end(&mut said).await?;
            }
            Ok::<_, io::Error>(())
        };
        let talked = tokio::time::timeout(wall + 2 * offspring::PATIENCE, talk).await;
        match talked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(broken(error)),
            Err(_) => {
                let _ = warden.start_kill();
                return Err(JailError::Setup("the warden does not answer".into()));
            }
        }
        let status = warden.wait().await.map_err(broken)?;
        let report: Report = serde_json::from_slice(&said)
            .map_err(|error| JailError::Setup(format!("the warden ended early ({status}): {error}")))?;
        report.map_err(JailError::Setup)
    }

    fn warden(&self) -> io::Result<Child> {
        Command::new(&self.launcher)
            .arg(warden::COMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // The host alone decides what to do about a terminal's signals.
            .process_group(0)
            .spawn()
    }
}

/// Most bytes of a report without the child's output.
const MAX_REPORT_BYTES: u64 = 64 << 10;

/// Keeps this process's secrets, such as keys, out of core dumps and away from the user's other processes. Call it
/// first.
pub fn keep_to_itself() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // `mmh doctor` shows it if this does not work.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Whether [`keep_to_itself`] has taken effect.
pub fn keeps_to_itself() -> bool {
    getrlimit(Resource::Core).current == Some(0)
        && dumpable_behavior().is_ok_and(|it| it == DumpableBehavior::NotDumpable)
}
