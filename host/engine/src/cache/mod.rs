//! The user's cache folder: built SDKs, components, native code, scratch space.
//!
//! Entries are named by content-hash keys and appear whole or not at all. Losing the folder costs time,
//! never results. It is made for its owner alone, and not used where somebody else can write in it ([`trust`]).
//!
//! Whoever uses the folder holds a shared lock on it for as long, and every scratch folder is locked by its
//! owner. The kernel lets go of both when a process ends, however it ends: so [`collect`] can tell what is
//! in use from what was left behind.

pub mod collect;
mod remove;
pub mod trust;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tempfile::NamedTempFile;

use mmh_record::{clock, digest::Digest};

/// An entry's time of change says when it was last used, give or take this much: not every use is a write.
const USED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How scratch folders' names begin.
const SCRATCH: &str = "job-";

/// The file whose lock says that somebody uses the folder.
const IN_USE: &str = "in-use.lock";

/// A cache folder. Created when first written to.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    /// Held from the first use until the last clone is dropped; None where the folder cannot be locked.
    held: Arc<OnceLock<Option<File>>>,
}

/// A fresh folder that vanishes when dropped.
pub struct Scratch {
    folder: PathBuf,
    /// Says that the folder's owner is alive.
    _lock: File,
}

impl Scratch {
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove::folder(&self.folder) {
            tracing::debug!("{} is left to be cleared later: {error}", self.folder.display());
        }
    }
}

/// The cache folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot use the cache file {path}: {source}; --cache-dir or MMH_CACHE_DIR names another folder")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the cache folder is not used, because somebody else could put native code into it: {0}; --cache-dir or \
         MMH_CACHE_DIR names another folder"
    )]
    Distrust(#[from] trust::Distrust),
}

/// Names a path in an I/O error.
fn at(path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |source| CacheError::Io { path: path.to_owned(), source }
}

impl Cache {
    /// A cache in this folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root, held: Arc::default() }
    }

    /// Says that the folder is in use, for as long as this value or a clone of it is there. Waits while
    /// somebody clears the folder.
    pub fn hold(&self) {
        self.held.get_or_init(|| {
            let _ = trust::create(&self.root);
            let path = self.root.join(IN_USE);
            let created = File::options().read(true).append(true).create(true).open(&path);
            // A folder that cannot be written can be used all the same, and is not cleared by its users.
            let file = created.or_else(|_| File::open(&path)).ok()?;
            file.lock_shared().ok().map(|()| file)
        });
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of an entry, which may not exist.
    pub fn path(&self, kind: &str, key: Digest, extension: &str) -> PathBuf {
        self.root.join(kind).join(format!("{key}{extension}"))
    }

    /// An entry's bytes, if it is there.
    pub fn get(&self, kind: &str, key: Digest, extension: &str) -> Result<Option<Vec<u8>>, CacheError> {
        self.hold();
        let path = self.path(kind, key, extension);
        if path.exists() {
            trust::file(&path)?;
        }
        match fs::read(&path) {
            Ok(bytes) => {
                self.used(&path);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// Notes that an entry is used. What cannot be noted costs a build some day, no more.
    pub fn used(&self, path: &Path) {
        let now = clock::file_time();
        let before = path.metadata().and_then(|found| found.modified());
        if before.is_ok_and(|before| now.duration_since(before).is_ok_and(|since| since > USED_WITHIN)) {
            let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(now));
        }
    }

    /// Stores an entry: written beside, synced, renamed.
    pub fn put(&self, kind: &str, key: Digest, extension: &str, bytes: &[u8]) -> Result<PathBuf, CacheError> {
        let path = self.path(kind, key, extension);
        let folder = self.folder(kind)?;
        let mut file = NamedTempFile::new_in(&folder).map_err(at(&folder))?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(at(&path))?;
        file.persist(&path).map_err(|error| at(&path)(error.error))?;
        Ok(path)
    }

    /// A folder of the cache, created.
    pub fn folder(&self, kind: &str) -> Result<PathBuf, CacheError> {
        let folder = self.root.join(kind);
        trust::create(&folder).map_err(at(&folder))?;
        trust::folder(&folder)?;
        self.hold();
        folder.canonicalize().map_err(at(&folder))
    }

    /// A fresh folder of one's own.
    pub fn scratch(&self) -> Result<Scratch, CacheError> {
        let parent = self.folder("scratch")?;
        let folder = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&parent).map_err(at(&parent))?;
        let folder = folder.keep();
        // A folder can be locked like a file, so nothing has to lie in it that a compiler could see.
        let lock = File::open(&folder).map_err(at(&folder))?;
        // Where locks do not work, the folder's age protects it.
        let _ = lock.try_lock();
        Ok(Scratch { folder, _lock: lock })
    }

    /// Waits for the exclusive right to build an entry. Held until the file is dropped.
    pub fn lock(&self, kind: &str, key: Digest, on_wait: impl FnOnce()) -> Result<File, CacheError> {
        self.folder(kind)?;
        let path = self.path(kind, key, ".lock");
        let file = File::create(&path).map_err(at(&path))?;
        if file.try_lock().is_err() {
            on_wait();
            file.lock().map_err(at(&path))?;
        }
        Ok(file)
    }
}
