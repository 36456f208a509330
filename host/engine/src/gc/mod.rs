//! Says what is in the cache folder, and removes what nobody needs.
//!
//! The collector looks only at entries that this program makes, which it knows by their names: the user may have
//! named a wrong folder. It takes nothing from a process that works: it removes entries only while no process holds
//! the cache folder, and a scratch folder only while no process holds that one.

#[cfg(test)]
mod tests;

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::{
    cache::{IN_USE, SCRATCH, remove},
    toolchain::{python, sdk},
};

/// A scratch folder looks abandoned between the moment when it is made and the moment when it is locked. A younger
/// one is kept.
const JUST_MADE: Duration = Duration::from_secs(60);

/// Where the file system has no locks, only the age of a scratch folder tells. No compiler may run this long.
const SURELY_LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// What to remove besides abandoned scratch folders and half-written files.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions {
    /// Everything but the kept replies.
    pub all: bool,
    /// The kept replies, which cost money to get again.
    pub replies: bool,
    /// Entries that were not used for this long.
    pub unused_for: Duration,
    /// Remove nothing, and report what would be removed.
    pub dry_run: bool,
    /// The time from which ages are counted.
    pub now: SystemTime,
}

/// What the folder held of one kind of entry, and what was removed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// The kind, which is also the name of its folder, such as `components`.
    pub kind: &'static str,
    /// Number of entries before anything was removed.
    pub entries: u64,
    /// Size of these entries in bytes.
    pub bytes: u64,
    /// Number of entries that were removed; in a dry run, that would be.
    pub removed: u64,
    /// Size of the removed entries in bytes.
    pub removed_bytes: u64,
}

/// The result of a collection.
#[derive(Debug, Serialize)]
pub struct Collected {
    /// All kinds, in a fixed order, empty ones too.
    pub kinds: Vec<Holding>,
    /// Another process uses the folder: only abandoned scratch folders were removed.
    pub in_use: bool,
    /// Entries that could not be removed, as `path: reason`.
    pub problems: Vec<String>,
}

/// Kinds of entries, and the ends of their names.
const KINDS: [(&str, &[&str]); 8] = [
    ("sdk", &[""]),
    (python::KIND, &["", ".so", ".wit"]),
    ("components", &[".wasm"]),
    ("refusals", &[".json"]),
    ("native", &[".cwasm"]),
    ("tools", &[".json"]),
    ("replies", &["replies.sqlite", "replies.sqlite-wal", "replies.sqlite-shm"]),
    ("scratch", &[]),
];

/// Looks through the folder, and removes what `wish` says and every entry for which `is_useless` answers yes. It is
/// asked with a kind and an entry's path. A folder that does not exist is empty.
///
/// Fails if the folder or its lock cannot be read. An entry that cannot be removed is one of the `problems`.
pub fn collect(
    root: &Path,
    wish: &GcOptions,
    is_useless: &dyn Fn(&str, &Path) -> bool,
) -> io::Result<Collected> {
    // Held until the end. A process that wants to use the folder waits.
    let lock = if root.is_dir() { exclusive(root, wish)? } else { Lock::Ours(None) };
    let in_use = matches!(lock, Lock::Others);
    let mut collected = Collected { kinds: Vec::new(), in_use, problems: Vec::new() };
    for (kind, ends) in KINDS {
        let mut holding = Holding { kind, entries: 0, bytes: 0, removed: 0, removed_bytes: 0 };
        for entry in entries(&root.join(kind), kind, ends)? {
            holding.entries += 1;
            holding.bytes += entry.bytes;
            let (goes, _lock) = match kind {
                "scratch" => left_behind(&entry, wish.now),
                _ => (!in_use && is_unwanted(kind, &entry, wish, is_useless), None),
            };
            if !goes {
                continue;
            }
            if let Err(error) = if wish.dry_run { Ok(()) } else { entry.remove() } {
                collected.problems.push(format!("{}: {error}", entry.path.display()));
                continue;
            }
            holding.removed += 1;
            holding.removed_bytes += entry.bytes;
        }
        collected.kinds.push(holding);
    }
    Ok(collected)
}

/// Who holds the folder.
enum Lock {
    /// This process, as long as the file is open.
    Ours(#[allow(dead_code)] Option<File>),
    /// Another process.
    Others,
}

fn exclusive(root: &Path, wish: &GcOptions) -> io::Result<Lock> {
    let path = root.join(IN_USE);
    let opened = match File::options().read(true).append(true).create(!wish.dry_run).open(&path) {
        Ok(file) => file,
        // Nothing is removed, so nothing has to be locked.
        Err(_) if wish.dry_run => return Ok(Lock::Ours(None)),
        Err(error) => return Err(error),
    };
    match opened.try_lock() {
        Ok(()) => Ok(Lock::Ours(Some(opened))),
        Err(TryLockError::WouldBlock) => Ok(Lock::Others),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Something in the folder.
struct Entry {
    path: PathBuf,
    bytes: u64,
    /// When it was last used, as far as that is known.
    used: SystemTime,
    /// A file that was not finished.
    is_leftover: bool,
    is_folder: bool,
}

impl Entry {
    fn remove(&self) -> io::Result<()> {
        let removed = match self.is_folder {
            true => remove::folder(&self.path),
            false => fs::remove_file(&self.path),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn unused_for(&self, now: SystemTime) -> Duration {
        now.duration_since(self.used).unwrap_or_default()
    }
}

fn is_unwanted(
    kind: &str,
    entry: &Entry,
    wish: &GcOptions,
    is_useless: &dyn Fn(&str, &Path) -> bool,
) -> bool {
    if kind == "replies" {
        return wish.replies;
    }
    // The user has set it up, and what is set up is there until it is removed.
    if kind == python::KIND && entry.is_folder {
        return wish.all || entry.is_leftover;
    }
    wish.all
        || entry.is_leftover
        || entry.unused_for(wish.now) >= wish.unused_for
        || is_useless(kind, &entry.path)
}

/// Whether the owner of a scratch folder is gone, and the lock that proves it.
fn left_behind(entry: &Entry, now: SystemTime) -> (bool, Option<File>) {
    let Ok(folder) = File::open(&entry.path) else { return (false, None) };
    let age = entry.unused_for(now);
    match folder.try_lock() {
        Ok(()) => (age >= JUST_MADE, Some(folder)),
        Err(TryLockError::WouldBlock) => (false, None),
        Err(TryLockError::Error(_)) => (age >= SURELY_LEFT, None),
    }
}

/// The entries of a kind's folder that this program has made.
fn entries(folder: &Path, kind: &str, ends: &[&str]) -> io::Result<Vec<Entry>> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for item in listed {
        let item = item?;
        let Some(is_leftover) = is_ours(kind, ends, &item.file_name()) else { continue };
        // Another process may have removed it.
        let Ok(found) = item.metadata() else { continue };
        let (path, is_folder) = (item.path(), found.is_dir());
        let noted = path.join(sdk::MANIFEST_NAME);
        let found = if ["sdk", python::KIND].contains(&kind) && is_folder {
            noted.metadata().unwrap_or(found)
        } else {
            found
        };
        let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        entries.push(Entry { bytes: size(&path), path, used, is_leftover, is_folder });
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

/// Whether a name belongs to an unfinished file, or nothing if this program gives no such names. Lock files are
/// empty, and stay.
fn is_ours(kind: &str, ends: &[&str], name: &OsStr) -> Option<bool> {
    let name = name.to_str()?;
    if kind == "scratch" {
        return name.starts_with(SCRATCH).then_some(true);
    }
    // Files are written under such a name, and renamed when they are complete.
    if name.starts_with(".tmp") {
        return Some(true);
    }
    if kind == "replies" {
        return ends.contains(&name).then_some(false);
    }
    let key = name.get(..64).filter(|key| key.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let end = &name[key.len()..];
    ends.contains(&end).then_some(false)
}

/// Bytes of a file, or of all files in a folder. Links are not followed.
fn size(path: &Path) -> u64 {
    let Ok(found) = path.symlink_metadata() else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    inside.map(|item| size(&item.path())).sum()
}
