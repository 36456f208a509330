//! How much all processes of a child may take together, besides what the child's `Spec` says, and what of it was
//! too much.

use std::thread;

use serde::{Deserialize, Serialize};

/// Most processes and threads at once, besides those for each processor: a linker starts one thread for each.
const MAX_TASKS: u64 = 256;
const MAX_TASKS_PER_PROCESSOR: u64 = 4;

/// Most files and folders in the writable folders.
pub const MAX_FILES: u64 = 1_000;

/// How deep folders may nest in the writable folders.
pub const MAX_DEPTH: usize = 32;

/// Most sockets at once: the kernel keeps what is written into one, and counts it as nobody's memory.
pub const MAX_SOCKETS: u64 = 64;

/// Which sum is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Excess {
    /// Memory of all processes.
    Memory,
    /// Processes and threads.
    Tasks,
    /// Bytes of all files.
    FileBytes,
    /// Number of files and folders.
    Files,
    /// Folders in folders.
    Depth,
    /// Pairs of sockets.
    Sockets,
    /// Something that cannot be looked at, and so cannot be counted.
    Hidden,
}

impl Excess {
    /// What the child did, for people.
    pub fn words(self) -> String {
        match self {
            Self::Memory => "all its processes together needed too much memory".into(),
            Self::Tasks => format!("it started more than {} processes and threads", max_tasks()),
            Self::FileBytes => "all its files together were too large".into(),
            Self::Files => format!("it made more than {MAX_FILES} files"),
            Self::Depth => format!("it nested folders deeper than {MAX_DEPTH}"),
            Self::Sockets => format!("it held more than {MAX_SOCKETS} sockets"),
            Self::Hidden => "it hid files or processes, so that they could not be counted".into(),
        }
    }
}

/// Most processes and threads on this machine.
pub fn max_tasks() -> u64 {
    let processors = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    MAX_TASKS + MAX_TASKS_PER_PROCESSOR * processors
}
