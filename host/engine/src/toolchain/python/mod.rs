//! The compiler of harnesses in Python: `componentize-py`, in one exact version, and an interpreter that starts it.
//!
//! The interpreter is the machine's own `python3`. It hands arguments to the compiler's library and does nothing else: what
//! is in a component comes from that library, which has a Python of its own. So the interpreter is in no cache key.
//!
//! Not in here: how the compiler gets here (`install`), and how a harness is compiled (`compile::python`).

mod install;
mod interpreter;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use install::add;
pub use interpreter::Interpreter;

use super::{
    compiler,
    sdk::{self, MANIFEST_NAME},
};
use crate::{
    cache::{Cache, CacheError},
    elf,
    programs::Environment,
};
use mmh_record::digest::{Digest, KeyBuilder};

/// The versions and hashes of what is installed, in the form of pip.
pub const PIN: &str = include_str!("../../../../../examples/python/requirements.txt");

/// Gives the compiler a fixed clock and fixed chance, as its source says. Empty where it does not work.
const STEADY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/steady.so"));

/// The source of [`STEADY`].
const STEADY_SOURCE: &str = include_str!("../../../../../examples/steady.c");

/// The guide to harnesses in Python, in Markdown, for proposers and for people.
pub const GUIDE: &str = include_str!("../../../../../examples/python/GUIDE.md");

/// The name of what is installed.
pub const COMPILER: &str = "componentize-py";

/// The kind of entry in the cache.
pub const KIND: &str = "toolchains";

/// The package's folder in an entry, and the one in it that the compiler consists of.
const PACKAGE: &str = "package";
const LIBRARY: &str = "componentize_py";

/// A virtual environment without packages. Without one the compiler would look for the packages of the machine.
const EMPTY: &str = "empty";

/// What to do next, for messages.
const ADD: &str = "`mmh toolchain add python` installs it";

/// What is known of an installed compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its version, such as `0.25.0`.
    pub version: String,
    /// The digest of its files.
    pub digest: Digest,
}

/// A compiler of Python that is ready to be started.
#[derive(Clone, Debug)]
pub struct PythonTools {
    /// The program that starts it.
    pub interpreter: Interpreter,
    /// Its version and its files.
    pub manifest: Manifest,
    /// The folder that has the compiler's package.
    pub package: PathBuf,
    /// An environment without packages.
    pub empty: PathBuf,
    /// The library that is loaded before all others.
    pub steady: PathBuf,
    /// The contract's text.
    pub wit: PathBuf,
    /// Files and folders that the compiler has to read and execute in the jail.
    pub read: Vec<PathBuf>,
}

/// There is no usable compiler of Python. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The machine is none that components are the same on each time.
    #[error(
        "harnesses in Python are compiled on Linux on x86-64 only: elsewhere two builds of one source differ; write them in \
         Rust, or build a component yourself (examples/python) and evaluate it with `mmh eval`"
    )]
    Unsupported,
    /// It was not installed.
    #[error(
        "componentize-py {version}, which compiles harnesses in Python, is not installed; {ADD} once, from PyPI"
    )]
    NotAdded {
        /// The version that is wanted.
        version: String,
    },
    /// Its files are not those that were installed.
    #[error("the installed componentize-py was changed or damaged: {detail}; {ADD} again")]
    Damaged {
        /// What differs.
        detail: String,
    },
    /// There is no interpreter that can start it.
    #[error(
        "no usable Python: {detail}; componentize-py is started by python3, version 3.9 or newer, on the PATH: install your \
         system's package python3"
    )]
    NoPython {
        /// What happened when it was tried.
        detail: String,
    },
    /// Nothing here installs packages.
    #[error(
        "{python} has neither pip nor venv, one of which installs componentize-py: install your system's package python3-pip or \
         python3-venv, then `mmh toolchain add python` again"
    )]
    NoPip {
        /// The interpreter.
        python: String,
    },
    /// What came has another hash.
    #[error(
        "what came as componentize-py {version} is not the file that this mmh knows: its hash differs; nothing was installed; \
         a mirror or a proxy may have changed it, so try another one (PIP_INDEX_URL) or another network"
    )]
    OtherHash {
        /// The version that is wanted.
        version: String,
    },
    /// pip failed otherwise.
    #[error(
        "componentize-py {version} could not be installed: {detail}; this needs the network once, or a folder that has the wheel \
         (PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR); afterwards none is needed"
    )]
    Pip {
        /// The version that is wanted.
        version: String,
        /// pip's last error, in one line.
        detail: String,
    },
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A file could not be read or written.
    #[error("cannot install componentize-py at {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The version of the compiler that is wanted.
pub fn version() -> &'static str {
    let after = PIN.split_once("==").map_or("", |(_, after)| after);
    after.split_whitespace().next().unwrap_or_default()
}

/// The digest of what is added to the compiler: the library that keeps clock and chance fixed.
pub fn steady_digest() -> Digest {
    Digest::of(STEADY_SOURCE)
}

/// Names the entry: which version, with which hashes, for which machine.
fn key() -> Digest {
    let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    KeyBuilder::new("python-toolchain").part("form", "1").part("pin", PIN).part("machine", machine).finish()
}

/// What is installed, and where. Nothing if it is not there, or was not finished.
pub fn installed(cache: &Cache) -> Option<(Manifest, PathBuf)> {
    let home = cache.path(KIND, key(), "");
    let manifest = fs::read(home.join(MANIFEST_NAME)).ok()?;
    Some((serde_json::from_slice(&manifest).ok()?, home))
}

/// Removes it. Answers whether it was there.
pub fn remove(cache: &Cache) -> Result<bool, PythonError> {
    let _lock = cache.lock(KIND, key(), || {})?;
    let home = cache.path(KIND, key(), "");
    match fs::remove_dir_all(&home) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(PythonError::Write { path: home, source }),
    }
}

/// The installed compiler, if all its files are as they were installed. Nothing is fetched.
pub async fn find(cache: &Cache, environment: &Environment) -> Result<PythonTools, PythonError> {
    if STEADY.is_empty() {
        return Err(PythonError::Unsupported);
    }
    cache.folder(KIND)?;
    let not_added = || PythonError::NotAdded { version: version().to_owned() };
    let (manifest, home) = installed(cache).ok_or_else(not_added)?;
    let package = home.join(PACKAGE);
    match files(&package.join(LIBRARY), cache).await {
        Some(digest) if digest == manifest.digest => {}
        Some(_) => return Err(PythonError::Damaged { detail: "a file has another content".into() }),
        None => return Err(PythonError::Damaged { detail: "a file is missing".into() }),
    }
    cache.used(&home.join(MANIFEST_NAME));
    let interpreter = Interpreter::find(environment).await?;
    let steady = kept(cache, STEADY, ".so")?;
    let wit = kept(cache, sdk::WIT.as_bytes(), ".wit")?;
    let empty = home.join(EMPTY);
    let mut read = interpreter.read().await;
    for library in library_files(&package.join(LIBRARY)) {
        if library.extension().is_some_and(|ending| ending == "so") {
            read.extend(elf::loaded_by(&interpreter.program, &library).await);
        }
    }
    read.extend([package.clone(), empty.clone(), steady.clone(), wit.clone()]);
    read.sort();
    read.dedup();
    Ok(PythonTools { interpreter, manifest, package, empty, steady, wit, read })
}

/// A file of this program's own, which the compiler reads.
fn kept(cache: &Cache, bytes: &[u8], ending: &str) -> Result<PathBuf, CacheError> {
    let key = Digest::of(bytes);
    match cache.get(KIND, key, ending)? {
        Some(found) if found == bytes => Ok(cache.path(KIND, key, ending)),
        _ => cache.put(KIND, key, ending, bytes),
    }
}

/// The digest of the compiler's files.
async fn files(library: &Path, cache: &Cache) -> Option<Digest> {
    compiler::digest(library_files(library), cache).await
}

/// The compiler's files, sorted.
fn library_files(library: &Path) -> Vec<PathBuf> {
    compiler::files_in(library)
}
