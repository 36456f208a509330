//! What a confined child is, where that decides what it may do besides what its [`Spec`](super::Spec) names.

use serde::{Deserialize, Serialize};

/// Most files and folders that a compiler may make in the writable folders.
const COMPILER_FILES: u64 = 1_000;

/// The same where a language's library is unpacked first: about 800 files and folders, and a compiled form of each module.
const RUNTIME_FILES: u64 = 4_000;

/// Address space that a WebAssembly runtime reserves and does not use: 4 GiB for each memory, and what surrounds it. The
/// memory in use is counted all the same.
const RUNTIME_ADDRESSES: u64 = 8 << 30;

/// What a child is. Each role has what it needs, and what one needs is not open to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A compiler with its linkers.
    #[default]
    Compiler,
    /// A tool that starts a language's runtime in a WebAssembly engine of its own and stores its memory: `componentize-py`.
    Runtime,
}

impl Role {
    /// Most files and folders in the writable folders.
    pub fn files(self) -> u64 {
        match self {
            Self::Compiler => COMPILER_FILES,
            Self::Runtime => RUNTIME_FILES,
        }
    }

    /// The address space of a process that may use so much memory, in bytes.
    pub fn address_bytes(self, memory_bytes: u64) -> u64 {
        match self {
            Self::Compiler => memory_bytes,
            Self::Runtime => memory_bytes.saturating_add(RUNTIME_ADDRESSES),
        }
    }
}
