//! Says what is in the cache folder, and clears what nobody needs.
//!
//! Only what this program puts there is looked at, by its name: the folder may have been named by mistake.
//! Nothing is taken from a process that uses it: entries are removed only while nobody holds the folder,
//! and a scratch folder only if nobody holds that one.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{IN_USE, SCRATCH, remove};
use crate::toolchain::sdk;

/// Between making a scratch folder and locking it, it looks left behind: for a moment, not for so long.
const JUST_MADE: Duration = Duration::from_secs(60);

/// Where a file system has no locks, only a scratch folder's age tells; no compiler may run for so long.
const SURELY_LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be removed besides scratch folders and half-written files that were left behind.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions {
    /// Everything but the kept replies.
    pub all: bool,
    /// The kept replies, which cost money to get again.
    pub replies: bool,
    /// What was not used for so long.
    pub unused_for: Duration,
    /// Nothing: say what would be removed.
    pub dry_run: bool,
    pub now: SystemTime,
}

/// What the folder holds of one kind, and what was removed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    pub kind: &'static str,
    pub entries: u64,
    pub bytes: u64,
    pub removed: u64,
    pub removed_bytes: u64,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Collected {
    pub kinds: Vec<Holding>,
    /// Somebody uses the folder: nothing was removed but what was left behind in scratch.
    pub in_use: bool,
    /// Entries that could not be removed, and why.
    pub problems: Vec<String>,
}

/// Kinds of entries, and the ends of their names.
const KINDS: [(&str, &[&str]); 6] = [
    ("sdk", &[""]),
    ("components", &[".wasm"]),
    ("native", &[".cwasm"]),
    ("tools", &[".json"]),
    ("replies", &["replies.sqlite", "replies.sqlite-wal", "replies.sqlite-shm"]),
    ("scratch", &[]),
];

/// Looks through the folder and removes what `wish` says and what is useless: `is_useless` is asked with a
/// kind and an entry's path.
pub fn collect(
    root: &Path,
    wish: &GcOptions,
    is_useless: &dyn Fn(&str, &Path) -> bool,
) -> io::Result<Collected> {
    // Held until the end: who wants to use the folder meanwhile waits.
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
                _ => (!in_use && is_wanted_gone(kind, &entry, wish, is_useless), None),
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

/// Who has the folder.
enum Lock {
    /// Nobody else, as long as the file is open.
    Ours(#[allow(dead_code)] Option<File>),
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

fn is_wanted_gone(
    kind: &str,
    entry: &Entry,
    wish: &GcOptions,
    is_useless: &dyn Fn(&str, &Path) -> bool,
) -> bool {
    if kind == "replies" {
        return wish.replies;
    }
    wish.all
        || entry.is_leftover
        || entry.unused_for(wish.now) >= wish.unused_for
        || is_useless(kind, &entry.path)
}

/// Whether a scratch folder's owner is gone; with the lock that says so.
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
        let found = if kind == "sdk" && is_folder { noted.metadata().unwrap_or(found) } else { found };
        let used = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        entries.push(Entry { bytes: size(&path), path, used, is_leftover, is_folder });
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

/// Whether a name is one that this program gives; and then, whether it is that of an unfinished file. Lock
/// files are empty, and stay.
fn is_ours(kind: &str, ends: &[&str], name: &OsStr) -> Option<bool> {
    let name = name.to_str()?;
    if kind == "scratch" {
        return name.starts_with(SCRATCH).then_some(true);
    }
    // What is written beside before it is renamed.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use mmh_record::digest::Digest;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn wish() -> GcOptions {
        let (all, replies, dry_run) = (false, false, false);
        GcOptions { all, replies, unused_for: 30 * DAY, dry_run, now: mmh_record::clock::file_time() }
    }

    /// A cache with something of everything, and things that are not the program's.
    fn filled() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("cache");
        let key = Digest::of("a").to_string();
        let names = [
            format!("sdk/{key}/manifest.json"),
            format!("sdk/{key}.lock"),
            format!("components/{key}.wasm"),
            "components/.tmpAbC".into(),
            "components/mine.wasm".into(),
            format!("native/{key}.cwasm"),
            format!("tools/{key}.json"),
            "replies/replies.sqlite".into(),
            "replies/notes.txt".into(),
            "scratch/job-left/out/x".into(),
            "scratch/mine/x".into(),
            "papers/x".into(),
        ];
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "12345").expect("a file");
        }
        (folder, root)
    }

    fn files(root: &Path) -> Vec<String> {
        fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) {
            for item in fs::read_dir(folder).expect("a folder").flatten() {
                let name = format!("{prefix}{}", item.file_name().to_string_lossy());
                match item.path().is_dir() {
                    true => walk(&item.path(), &format!("{name}/"), out),
                    false => out.push(name.replace(&Digest::of("a").to_string(), "KEY")),
                }
            }
        }
        let mut out = Vec::new();
        walk(root, "", &mut out);
        out.sort();
        out
    }

    const NOT_OURS: [&str; 5] =
        ["components/mine.wasm", "papers/x", "replies/notes.txt", "scratch/mine/x", "sdk/KEY.lock"];

    #[test]
    fn removes_what_is_wished_and_nothing_else() {
        let nothing = |_: &str, _: &Path| false;
        let natives = |kind: &str, _: &Path| kind == "native";
        let later = SystemTime::now() + Duration::from_secs(3600);
        let soon = GcOptions { now: later, ..wish() };
        type Useless<'a> = &'a dyn Fn(&str, &Path) -> bool;
        // name, wish, what is useless, what is left besides what is not ours
        let kept =
            ["sdk/KEY/manifest.json", "components/KEY.wasm", "tools/KEY.json", "replies/replies.sqlite"];
        let with = |more: &[&'static str]| [&kept[..], more].concat();
        let table: [(&str, GcOptions, Useless<'_>, Vec<&str>); 6] = [
            ("at once", wish(), &nothing, with(&["native/KEY.cwasm", "scratch/job-left/out/x"])),
            ("an hour later", soon, &nothing, with(&["native/KEY.cwasm"])),
            ("useless native code", soon, &natives, with(&[])),
            (
                "a month later",
                GcOptions { now: later + 30 * DAY, ..wish() },
                &nothing,
                vec!["replies/replies.sqlite"],
            ),
            ("all", GcOptions { all: true, ..soon }, &nothing, vec!["replies/replies.sqlite"]),
            ("all and replies", GcOptions { all: true, replies: true, ..soon }, &nothing, vec![]),
        ];
        for (name, wish, useless, left) in table {
            let (_folder, root) = filled();
            let before = files(&root);
            let dry = collect(&root, &GcOptions { dry_run: true, ..wish }, useless).expect("it can be read");
            assert_eq!(files(&root), before, "{name}: dry");
            let done = collect(&root, &wish, useless).expect("it can be read");
            assert_eq!(done.kinds, dry.kinds, "{name}");
            let mut expected: Vec<&str> = left.into_iter().chain(NOT_OURS).chain([IN_USE]).collect();
            expected.sort_unstable();
            assert_eq!(files(&root), expected, "{name}");
        }
    }

    /// Whoever holds the folder keeps its entries; whoever works in a scratch folder keeps that.
    #[test]
    fn takes_nothing_from_who_uses_it() {
        let (_folder, root) = filled();
        let everything = GcOptions { all: true, replies: true, now: SystemTime::now() + 40 * DAY, ..wish() };
        let cache = Cache::new(root.clone());
        let scratch = cache.scratch().expect("a folder");
        fs::write(scratch.path().join("x"), "").expect("a file");
        let done = collect(&root, &everything, &|_, _| true).expect("it can be read");
        assert!(done.in_use && done.problems.is_empty(), "{done:?}");
        let removed: Vec<_> = done.kinds.iter().filter(|it| it.removed > 0).map(|it| it.kind).collect();
        assert_eq!(removed, ["scratch"], "what was left behind goes");
        assert!(scratch.path().join("x").exists() && !root.join("scratch/job-left").exists());
        let clone = cache.clone();
        drop((cache, scratch));
        assert!(
            collect(&root, &everything, &|_, _| true).expect("it can be read").in_use,
            "a clone holds it"
        );
        drop(clone);
        assert!(!collect(&root, &everything, &|_, _| true).expect("it can be read").in_use);
        let mut left = files(&root);
        left.retain(|name| name != IN_USE);
        assert_eq!(left, NOT_OURS);
    }

    #[test]
    fn an_empty_place_is_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = collect(&folder.path().join("none"), &wish(), &|_, _| true).expect("it can be read");
        assert!(none.kinds.iter().all(|kind| kind.entries == 0) && !none.in_use);
        assert!(!folder.path().join("none").exists());
    }
}
