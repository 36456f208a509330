//! What is particular to the language that harnesses are written in. [`Compiler`](super::Compiler) does the rest
//! for all languages alike: cache, scratch folder, jail, limits, admission of what comes out.

use std::{
    io,
    path::{Path, PathBuf},
};

use mmh_record::{
    digest::{Digest, KeyBuilder},
    format::ToolchainInfo,
    language::HarnessLanguage,
    layout,
    limits::Limits,
};

use super::{Origin, Rejection};
use crate::jail::{Ending, Role};

/// The folder below the working folder that a compiler may write in.
pub const OUTPUT: &str = "out";

/// The component's name in [`OUTPUT`].
pub const MADE: &str = layout::COMPONENT;

/// A source language: its compiler, and the SDK that its harnesses are linked with.
///
/// A compiler runs in the jail, in a fresh folder that holds the source and an empty folder [`OUTPUT`].
pub trait Language: Send + Sync {
    /// Which language it is. Its source file has the name that diagnostics and panics give it.
    fn language(&self) -> HarnessLanguage;

    /// The folder below the working folder that the source lies in; empty where that is the working folder itself.
    fn source_folder(&self) -> &'static str {
        ""
    }

    /// What messages call the compiler, such as `rustc`.
    fn compiler_name(&self) -> &'static str;

    /// By which list its components are admitted.
    fn origin(&self) -> Origin {
        Origin::Source
    }

    /// How long its compiler may take, within these limits.
    fn wall_ms(&self, limits: &Limits) -> u64 {
        limits.rustc_wall_ms
    }

    /// Adds all that can change what this pass makes of a source, besides the source, to a cache key.
    fn enter(&self, key: KeyBuilder, pass: Pass) -> KeyBuilder;

    /// What is run for a pass in this folder. It writes the component to [`OUTPUT`], as [`MADE`].
    fn job(&self, folder: &Path, pass: Pass) -> Job;

    /// The first file that the source has taken in besides itself, as the compiler has listed them. What the jail lets
    /// a compiler read differs from machine to machine and is not in the cache key.
    fn other_file(&self, output: &Path) -> io::Result<Option<String>>;

    /// Paths of this machine that the compiler may name, and what is shown instead.
    fn hidden(&self) -> Vec<(&Path, &'static str)>;

    /// The verdict on a source whose compiler ended by itself, but not well. No limit was reached.
    fn rejection(&self, said: &Said<'_>) -> Rejection;

    /// Whether the compiler names a place in the source for an error. Then it says the same each time. What it says
    /// without a place, such as of the linker, may come from this machine.
    fn blames(&self, said: &Said<'_>) -> bool;

    /// What a record says of the tools.
    fn tools(&self) -> RecordedTools;
}

/// What a compiler makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// A component.
    Build,
    /// A component that keeps source lines.
    Lines,
}

/// One run of a compiler. The limits, and where it may write, are not the language's to choose.
pub struct Job {
    /// The program that the child becomes.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Files and folders besides the source that it may read and execute.
    pub read: Vec<PathBuf>,
    /// What the program is.
    pub role: Role,
}

/// How a compiler ended, and what it said.
pub struct Said<'a> {
    /// With an exit code, or by a signal of its own.
    pub ending: Ending,
    /// The start of its standard error.
    pub stderr: &'a str,
    /// The same without paths of this machine and control sequences, capped.
    pub diagnostics: String,
}

/// What a record says of the tools that make components of sources.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTools {
    /// The language of the sources.
    pub language: HarnessLanguage,
    /// The compiler and its linker.
    pub toolchain: ToolchainInfo,
    /// Digest of the SDK's source, or of what takes its place.
    pub sdk_source: Digest,
    /// Digest of the compiled libraries that harnesses are linked with.
    pub sdk_build: Digest,
    /// Digest of the file that pins what the SDK depends on.
    pub sdk_lock: Digest,
}
