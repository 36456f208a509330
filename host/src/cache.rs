//! The user's cache folder: built SDKs, components, native code, scratch space.
//!
//! Entries are named by content-hash keys and appear whole or not at all. Losing the folder costs time,
//! never results.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempDir};

use crate::digest::Digest;

/// A cache folder. Created when first written to.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// The cache folder could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the cache file {path}: {source}; --cache-dir or MMH_CACHE_DIR names another folder")]
pub struct CacheError {
    path: PathBuf,
    source: io::Error,
}

/// Names a path in an I/O error.
fn at(path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |source| CacheError { path: path.to_owned(), source }
}

impl Cache {
    /// A cache in this folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
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
        let path = self.path(kind, key, extension);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
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
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        folder.canonicalize().map_err(at(&folder))
    }

    /// A fresh folder that vanishes when dropped.
    pub fn scratch(&self) -> Result<TempDir, CacheError> {
        let folder = self.folder("scratch")?;
        tempfile::Builder::new().prefix("job-").tempdir_in(&folder).map_err(at(&folder))
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
