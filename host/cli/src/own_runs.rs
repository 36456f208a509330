//! Which runs this user started on this machine: a list of the digests of their `config.json`, one empty file
//! each, in a folder below the cache folder that nobody else may write to.
//!
//! Losing the list makes one's own runs strangers' runs, which need their server, their price and their
//! budget to be named again. That is why `mmh gc` does not touch it.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::PathBuf,
};

use crate::{environment, error::CliError, global::Global};
use mmh_record::digest::Digest;

/// The folder's name in the cache folder.
const FOLDER: &str = "own-runs";

/// The list.
pub struct OwnRuns(PathBuf);

impl OwnRuns {
    /// The list in the cache folder.
    pub fn open(global: &Global) -> Result<Self, CliError> {
        Ok(Self(environment::cache(global)?.root().join(FOLDER)))
    }

    /// Enters a run by the bytes of its `config.json`, before the file is written: a run that was killed in
    /// between is the user's own all the same.
    pub fn enter(&self, config: &[u8]) -> Result<(), CliError> {
        let entered = self.created().and_then(|()| {
            let file = self.0.join(Digest::of(config).to_string());
            File::options().write(true).create(true).truncate(false).open(file)
        });
        entered.map(drop).map_err(|error| {
            let folder = mmh_record::text::path(&self.0);
            CliError::host(format!("cannot note in {folder} that this run is your own: {error}; --cache-dir or MMH_CACHE_DIR names another cache folder"))
        })
    }

    /// Whether a run with such a `config.json` was entered.
    pub fn has(&self, config: &[u8]) -> bool {
        self.is_private() && self.0.join(Digest::of(config).to_string()).is_file()
    }

    fn created(&self) -> io::Result<()> {
        if let Some(cache) = self.0.parent() {
            fs::create_dir_all(cache)?;
        }
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match self.is_private() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::PermissionDenied, "others can write to it")),
        }
    }

    /// Whether it is a folder of this user's, to which nobody else can write.
    fn is_private(&self) -> bool {
        let user = rustix::process::geteuid().as_raw();
        let found = fs::symlink_metadata(&self.0);
        found.is_ok_and(|it| it.is_dir() && it.uid() == user && it.mode() & 0o022 == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn only_what_was_entered_is_ones_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = OwnRuns(folder.path().join("cache/own-runs"));
        assert!(!runs.has(b"one"), "nothing is there yet");
        runs.enter(b"one").and_then(|()| runs.enter(b"one")).expect("entered, twice");
        assert_eq!((runs.has(b"one"), runs.has(b"one "), runs.has(b"")), (true, false, false));
        let mode = |mode| fs::set_permissions(&runs.0, Permissions::from_mode(mode)).expect("changed");
        assert_eq!(fs::metadata(&runs.0).expect("there").mode() & 0o777, 0o700);
        for others in [0o720, 0o702, 0o777] {
            mode(others);
            assert!(!runs.has(b"one") && runs.enter(b"two").is_err(), "{others:o}");
        }
        mode(0o700);
        assert!(runs.has(b"one"));
    }
}
