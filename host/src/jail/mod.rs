//! Runs one untrusted child process, confined.
//!
//! The child is this program itself (`launcher`), started as `__jail SPEC`: single-threaded, it limits
//! itself (see [`enter`]) and then becomes the wanted program. It gets no environment but what the spec
//! names, reads and writes only the paths that the spec names, has no network, cannot leave its process
//! group, and is killed with the whole group when its time is over.
//!
//! Not in here: what is run. See `compile` and `compile::native`.

pub mod enter;
pub mod features;

use std::{io, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

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
    /// Address space of each process.
    pub memory_bytes: u64,
    /// Largest file that it may write.
    pub file_bytes: u64,
    /// Processor time of each process.
    pub cpu_s: u64,
}

/// What confines children. Seccomp, resource limits, the wall clock and the process group always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// Landlock as well.
    #[default]
    Full,
    /// The kernel has no Landlock, and somebody said to go on: a child may read and write what the user may.
    NoLandlock,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// Killed by this signal.
    Signaled(i32),
    /// Killed because its wall-clock time was over.
    TimedOut,
}

/// A child that has ended. Its output is capped; the rest was thrown away.
#[derive(Debug)]
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
        let mut child = self.spawn(spec)?;
        let group = child.id().and_then(|id| Pid::from_raw(id as i32));
        let _killer = GroupKiller(group);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let outputs = tokio::spawn(async move {
            tokio::join!(read_capped(stdout, output_bytes), read_capped(stderr, output_bytes))
        });
        let status = tokio::time::timeout(wall, child.wait()).await;
        // Whatever the child left behind shares its group. It goes now, and with it the pipes' other ends.
        kill_group(group);
        let ending = match status {
            Ok(Ok(status)) => ending_of(status),
            Ok(Err(source)) => {
                return Err(JailError::Start { program: spec.program.clone(), source });
            }
            Err(_) => {
                // Reaps the killed child; what it reports no longer matters.
                let _ = child.wait().await;
                Ending::TimedOut
            }
        };
        let (stdout, stderr) = outputs.await.map_err(|error| JailError::Setup(error.to_string()))?;
        if ending == Ending::Exited(enter::SETUP_FAILED) {
            return Err(JailError::Setup(stderr.trim().to_owned()));
        }
        Ok(Finished { ending, stdout, stderr })
    }

    fn spawn(&self, spec: &Spec) -> Result<Child, JailError> {
        let json = serde_json::to_string(&(spec, self.confinement))
            .map_err(|error| JailError::Setup(error.to_string()))?;
        Command::new(&self.launcher)
            .arg(enter::COMMAND)
            .arg(json)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| JailError::Start { program: self.launcher.clone(), source })
    }
}

/// Kills the group also when the caller gives up half-way.
struct GroupKiller(Option<Pid>);

impl Drop for GroupKiller {
    fn drop(&mut self) {
        kill_group(self.0);
    }
}

fn kill_group(group: Option<Pid>) {
    if let Some(group) = group {
        // The only failure is that nobody is left in the group.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn ending_of(status: std::process::ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Signaled(signal.unwrap_or_default()),
    }
}

/// Reads to the end, keeping the first `cap` bytes, so that a flood neither fills memory nor blocks.
async fn read_capped(stream: Option<impl AsyncRead + Unpin>, cap: usize) -> String {
    let (mut kept, mut chunk) = (Vec::new(), [0; 8192]);
    if let Some(mut stream) = stream {
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            let room = cap.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&chunk[..room]);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}
