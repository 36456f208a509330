//! The user's cache folder: built SDKs, components, native code, scratch space.
//!
//! Entries are named by content-hash keys and appear whole or not at all. Losing the folder costs time,
//! never results. It is made for its owner alone, and not used where somebody else can write in it (`trust`).
//!
//! A process holds a shared lock on the folder while it uses it, and every scratch folder is locked by its
//! owner. The kernel releases both locks when a process ends in whatever way. So the collector ([`crate::gc`]) can
//! tell what is in use from what was left behind.

pub(crate) mod remove;
pub(crate) mod trust;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tempfile::NamedTempFile;
pub use trust::Distrust;

use mmh_record::{clock, digest::Digest};

/// An entry's time of change says when it was last used, to this precision. Not every use is written down.
const USED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How scratch folders' names begin.
pub(crate) const SCRATCH: &str = "job-";

/// The file whose lock says that somebody uses the folder.
pub(crate) const IN_USE: &str = "in-use.lock";

/// A cache folder. Created when first written to.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    /// The lock: held from the first use until the last clone is dropped. `None` where the folder cannot be locked.
    held: Arc<OnceLock<Option<File>>>,
}

/// A fresh folder that vanishes when dropped.
pub struct Scratch {
    folder: PathBuf,
    /// Says that the folder's owner is alive.
    _lock: File,
}

impl Scratch {
    /// The folder's absolute path.
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
    /// A file or folder of the cache could not be read, written or locked.
    #[error("cannot use the cache file {path}: {source}; --cache-dir or MMH_CACHE_DIR names another folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
    /// Somebody besides this user and root can change a file or folder of the cache.
    #[error(
        "the cache folder is not used, because somebody else could put native code into it: {0}; --cache-dir or \
         MMH_CACHE_DIR names another folder"
    )]
    Distrust(#[from] Distrust),
}

/// Names a path in an I/O error.
fn at(path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |source| CacheError::Io { path: path.to_owned(), source }
}

impl Cache {
    /// A cache in this folder, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        Self { root, held: Arc::default() }
    }

    /// Marks the folder as in use until this value and all its clones are dropped. Waits while the collector
    /// clears the folder.
    pub fn hold(&self) {
        self.held.get_or_init(|| {
            let _ = trust::create(&self.root);
            let path = self.root.join(IN_USE);
            let created = File::options().read(true).append(true).create(true).open(&path);
            // A folder that cannot be written can still be read, and no user can clear it.
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

    /// An entry's bytes, or nothing if there is no such entry. Fails if somebody else could have written it.
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

    /// Notes that an entry is used. A failure is ignored: at worst the collector removes the entry early, and it is
    /// built again.
    pub fn used(&self, path: &Path) {
        let now = clock::file_time();
        let before = path.metadata().and_then(|found| found.modified());
        if before.is_ok_and(|before| now.duration_since(before).is_ok_and(|since| since > USED_WITHIN)) {
            let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(now));
        }
    }

    /// Stores an entry and returns its path. The file is written under another name, synced and renamed, so that
    /// it appears whole.
    pub fn put(&self, kind: &str, key: Digest, extension: &str, bytes: &[u8]) -> Result<PathBuf, CacheError> {
        let path = self.path(kind, key, extension);
        let folder = self.folder(kind)?;
        let mut file = NamedTempFile::new_in(&folder).map_err(at(&folder))?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(at(&path))?;
        file.persist(&path).map_err(|error| at(&path)(error.error))?;
        Ok(path)
    }

    /// The absolute path of a kind's folder, which is created if need be. Fails if somebody else can write in it.
    pub fn folder(&self, kind: &str) -> Result<PathBuf, CacheError> {
        let folder = self.root.join(kind);
        trust::create(&folder).map_err(at(&folder))?;
        trust::folder(&folder)?;
        self.hold();
        folder.canonicalize().map_err(at(&folder))
    }

    /// A fresh folder, locked until it is dropped.
    pub fn scratch(&self) -> Result<Scratch, CacheError> {
        let parent = self.folder("scratch")?;
        let folder = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&parent).map_err(at(&parent))?;
        let folder = folder.keep();
        // A folder can be locked like a file, so nothing has to lie in it that a compiler could see.
        let lock = File::open(&folder).map_err(at(&folder))?;
        // Where locks do not work, the collector goes by the folder's age.
        let _ = lock.try_lock();
        Ok(Scratch { folder, _lock: lock })
    }

    /// Waits for the exclusive right to build an entry, which ends when the file is dropped. `on_wait` is called
    /// if another process has the right at first.
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
