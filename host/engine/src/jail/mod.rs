//! Runs one untrusted child process, confined.
//!
//! Between host and child stands a [`warden`], which is this program itself (`launcher`). It starts the launcher
//! once more, as `__jail SPEC`: single-threaded, that limits itself (see [`enter`]) and then becomes the wanted
//! program. The child gets no environment but what the spec names, reads and writes only the paths that the spec
//! names, makes only the system calls of one table ([`syscalls`]), has no network and cannot leave its process
//! group. All its processes together are watched ([`watch`]), and none of them is there any more when a run ends.
//!
//! Not in here: what is run. See `compile` and `compile::native`.

pub mod enter;
mod excess;
pub mod features;
mod filter;
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
use warden::{Order, Report};

/// What a child may do. Paths are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The child's whole environment.
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
    /// Files and folders that it may read and execute.
    pub read: Vec<PathBuf>,
    /// Folders in which it may also write.
    pub write: Vec<PathBuf>,
    /// Address space of each process, and memory of all of them together.
    pub memory_bytes: u64,
    /// Largest file that it may write.
    pub file_bytes: u64,
    /// All files together.
    pub files_bytes: u64,
    /// Processor time of each process.
    pub cpu_s: u64,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    Exited(i32),
    /// Killed by this signal.
    Signaled(i32),
    /// Killed because its wall-clock time was over.
    TimedOut,
    /// Killed because all its processes together took too much.
    OverLimit(Excess),
}

/// A child that has ended. Its output is capped; the rest was thrown away.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    pub ending: Ending,
    pub stdout: String,
    pub stderr: String,
}

/// Why a child could not be confined or started. Never the child's own failure.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    #[error("the jail could not start {program}: {source}")]
    Start { program: PathBuf, source: io::Error },
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

    /// The same jail, with no more than this.
    pub fn with(self, confinement: Confinement) -> Self {
        Self { confinement, ..self }
    }

    /// What confines this jail's children.
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// The program that this jail starts its children through.
    pub fn launcher(&self) -> &PathBuf {
        &self.launcher
    }

    /// Runs a child to its end, at most `wall`, keeping at most `output_bytes` of each output stream.
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
        // It stays open until this function ends, however it ends: then the warden ends everything.
        let mut stdin = warden.stdin.take();
        let mut json = serde_json::to_vec(&order).map_err(|error| JailError::Setup(error.to_string()))?;
        json.push(b'\n');
        let mut said = Vec::new();
        let talk = async {
            if let (Some(stdin), Some(mut stdout)) = (stdin.as_mut(), warden.stdout.take()) {
                stdin.write_all(&json).await?;
                // JSON may need six bytes for one of a text.
                let most = 12 * output_bytes as u64 + MAX_REPORT_BYTES;
                (&mut stdout).take(most).read_to_end(&mut said).await?;
            }
            Ok::<_, io::Error>(())
        };
        let talked = tokio::time::timeout(wall + 2 * warden::PATIENCE, talk).await;
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
            // What a terminal sends to the host is the host's to decide about.
            .process_group(0)
            .spawn()
    }
}

/// A report without the child's output.
const MAX_REPORT_BYTES: u64 = 64 << 10;

/// Keeps what this process knows, such as keys, out of core dumps, and lets no other process of the user look
/// into it. To be called first.
pub fn keep_to_itself() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // What does not work shows in `mmh doctor`.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Whether that worked.
pub fn keeps_to_itself() -> bool {
    getrlimit(Resource::Core).current == Some(0)
        && dumpable_behavior().is_ok_and(|it| it == DumpableBehavior::NotDumpable)
}
