//! Limits on what all processes of a child take together. Those that differ from child to child are in its `Spec`.

use std::thread;

use serde::{Deserialize, Serialize};

/// Most processes and threads at once: a fixed number and some for each processor, because a linker starts one thread
/// for each processor.
const MAX_TASKS: u64 = 256;
const MAX_TASKS_PER_PROCESSOR: u64 = 4;

/// How deep folders may nest in the writable folders.
pub const MAX_DEPTH: usize = 32;

/// Most sockets at once. The kernel stores what is written into a socket, and counts it as no process's memory.
pub const MAX_SOCKETS: u64 = 64;

/// The limit that a child exceeded with all its processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Excess {
    /// Memory of all processes.
    Memory,
    /// Processes and threads.
    Tasks,
    /// Bytes of all files.
    FileBytes,
    /// Number of files and folders: more than these.
    Files(u64),
    /// Folders in folders.
    Depth,
    /// Pairs of sockets.
    Sockets,
    /// A file or process cannot be inspected, and so not counted.
    Hidden,
}

impl Excess {
    /// What the child did, as a clause for messages.
    pub fn words(self) -> String {
        match self {
            Self::Memory => "all its processes together needed too much memory".into(),
            Self::Tasks => format!("it started more than {} processes and threads", max_tasks()),
            Self::FileBytes => "all its files together were too large".into(),
            Self::Files(most) => format!("it made more than {most} files"),
            Self::Depth => format!("it nested folders deeper than {MAX_DEPTH}"),
            Self::Sockets => format!("it held more than {MAX_SOCKETS} sockets"),
            Self::Hidden => "it hid files or processes, so that they could not be counted".into(),
        }
    }
}

/// Most processes and threads of a child on this machine.
pub fn max_tasks() -> u64 {
    let processors = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    MAX_TASKS + MAX_TASKS_PER_PROCESSOR * processors
}
