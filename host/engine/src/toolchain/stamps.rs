//! What files are like at a moment. What was found out about a program holds as long as none of its files changes.
//!
//! The whole of a compiler takes a second to read, so a file counts as unchanged while its number, its size and both of
//! its times are. The time of change is one that no program can set.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use mmh_record::digest::{Digest, KeyBuilder};

/// A file that has changed this short a time ago may change again with the same times, which tick.
const TICK: Duration = Duration::from_millis(20);

/// What a file or folder is like, or that there is none. Links are followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    path: PathBuf,
    found: Option<Found>,
}

/// Times are in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    number: u64,
    bytes: u64,
    modified: i64,
    changed: i64,
}

impl Stamp {
    /// What is at this path now.
    pub fn of(path: &Path) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        let found = path.metadata().ok().map(|found| Found {
            number: found.ino(),
            bytes: found.len(),
            modified: nanoseconds(found.mtime(), found.mtime_nsec()),
            changed: nanoseconds(found.ctime(), found.ctime_nsec()),
        });
        Self { path: path.to_owned(), found }
    }

    /// Whether the same is at the path now.
    pub fn holds(&self) -> bool {
        Self::of(&self.path) == *self
    }

    /// Whether nothing has changed there since this moment, nor just before.
    pub fn is_older_than(&self, moment: SystemTime) -> bool {
        let before = moment.checked_sub(TICK).and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
        let before = before.map_or(0, |before| i64::try_from(before.as_nanos()).unwrap_or(i64::MAX));
        self.found.as_ref().is_none_or(|found| found.changed < before)
    }
}

/// The digest of a file that may have hundreds of megabytes.
pub fn digest(path: &Path) -> Option<Digest> {
    Some(Digest::of_all(std::fs::File::open(path).ok()?).ok()?.0)
}

/// Adds what a file is like to a cache key. `None` if there is none.
pub fn enter(key: KeyBuilder, path: &Path) -> Option<KeyBuilder> {
    let Found { number, bytes, modified, changed } = Stamp::of(path).found?;
    let key = key.part("path", path.as_os_str().as_encoded_bytes()).part("number", number.to_le_bytes());
    let key = key.part("bytes", bytes.to_le_bytes()).part("modified", modified.to_le_bytes());
    Some(key.part("changed", changed.to_le_bytes()))
}
