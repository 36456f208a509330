//! Checks that nobody else can write into a folder of the cache: native code is loaded from there.
//!
//! Whoever can write into a folder, or into one above it, decides what the folder holds. So the owner and the mode of
//! each of them are checked.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Mode bits: others may write, the group may write, and only an entry's owner may remove it.
const BY_OTHERS: u32 = 0o002;
const BY_GROUP: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Only the owner may do anything.
const OWN: u32 = 0o700;

/// A file or folder that somebody else can change, and why.
#[derive(Debug, thiserror::Error)]
#[error("{path} {problem}")]
pub struct Distrust {
    path: PathBuf,
    problem: String,
}

/// Makes a folder and all missing folders above it, for the owner alone, whatever the umask is.
pub fn create(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(OWN).create(folder)
}

/// Checks that nobody else can change what this folder holds.
pub fn folder(folder: &Path) -> Result<(), Distrust> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| Distrust { path, problem: format!("cannot be looked at: {error}") }
    };
    let user = User::current();
    // The owner of a link can make it lead anywhere.
    for path in folder.ancestors() {
        let found = path.symlink_metadata().map_err(unreadable(path))?;
        if found.is_symlink() {
            user.owns(path, &found, true)?;
        }
    }
    let folder = folder.canonicalize().map_err(unreadable(folder))?;
    for path in folder.ancestors() {
        let found = path.metadata().map_err(unreadable(path))?;
        let is_above = path != folder;
        user.owns(path, &found, is_above)?;
        // In a sticky folder, such as /tmp, nobody can remove what belongs to another user.
        if !(is_above && found.mode() & STICKY != 0) {
            user.alone_writes(path, &found)?;
        }
    }
    Ok(())
}

/// Checks that nobody else can change this file.
pub fn file(file: &Path) -> Result<(), Distrust> {
    folder(file.parent().unwrap_or(Path::new("/")))?;
    let found = file.metadata().map_err(|error| Distrust {
        path: file.to_owned(),
        problem: format!("cannot be looked at: {error}"),
    })?;
    let user = User::current();
    user.owns(file, &found, false)?;
    user.alone_writes(file, &found)
}

/// Who runs this program.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    /// The owner that the system shows for files of users whom this user namespace does not know.
    unknown: Option<u32>,
}

impl User {
    /// Found out once: who runs a process and in which namespace does not change.
    fn current() -> Self {
        static CURRENT: OnceLock<User> = OnceLock::new();
        *CURRENT.get_or_init(Self::ask)
    }

    fn ask() -> Self {
        let id = rustix::process::geteuid().as_raw();
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let known = map.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
        let is_partial = known.sum::<u64>() < u64::from(u32::MAX);
        let unknown = fs::read_to_string("/proc/sys/fs/overflowuid").ok();
        Self { id, unknown: unknown.and_then(|id| id.trim().parse().ok()).filter(|_| is_partial) }
    }

    /// Checks that the owner is this user or root. In a user namespace, a folder above may belong to a user whom the
    /// namespace does not know, since the real root can be one of them.
    fn owns(&self, path: &Path, found: &Metadata, is_above: bool) -> Result<(), Distrust> {
        let owner = found.uid();
        if owner == self.id || owner == 0 || is_above && Some(owner) == self.unknown {
            return Ok(());
        }
        Err(Distrust { path: path.to_owned(), problem: format!("belongs to another user ({owner})") })
    }

    fn alone_writes(&self, path: &Path, found: &Metadata) -> Result<(), Distrust> {
        let mode = found.mode();
        let others = mode & BY_OTHERS != 0;
        let group = mode & BY_GROUP != 0 && !self.is_alone_in(found.gid());
        if !others && !group {
            return Ok(());
        }
        let who = if others { "everybody" } else { "its group" };
        let problem = format!(
            "has mode {:04o}, so that {who} can write in it; `chmod go-w {}` changes that",
            mode & 0o7777,
            path.display()
        );
        Err(Distrust { path: path.to_owned(), problem })
    }

    /// Whether a group is this user's own: many systems give each user one, and let it write.
    fn is_alone_in(&self, group: u32) -> bool {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        is_alone(self.id, group, &read("/etc/passwd"), &read("/etc/group"))
    }
}

/// Whether the user is the only member of the group, by the system's lists of users and groups. A group that is in
/// neither list may have any members.
fn is_alone(user: u32, group: u32, passwd: &str, groups: &str) -> bool {
    // Name, password, user, group, ...
    let users = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?, fields.nth(1)?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?))
    });
    let users: Vec<_> = users.collect();
    let Some((name, ..)) = users.iter().find(|(_, id, _)| *id == user) else { return false };
    let others = users.iter().any(|(_, id, primary)| *primary == group && *id != user);
    // Name, password, group, members.
    let members = groups.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        (fields.next()?.parse::<u32>().ok()? == group).then(|| fields.next().unwrap_or_default())
    });
    let only = |members: &str| members.split(',').all(|member| member.is_empty() || member == *name);
    !others && members.is_some_and(only)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn tells_who_can_write() {
        type Change = fn(&Path) -> io::Result<()>;
        // name, what is changed about a/b/c, what is said
        let table: [(&str, Change, Option<&str>); 7] = [
            ("as it is made", |_| Ok(()), None),
            ("others may read", |root| chmod(root.join("a/b/c"), 0o755), None),
            (
                "others may write",
                |root| chmod(root.join("a/b/c"), 0o757),
                Some("has mode 0757, so that everybody"),
            ),
            ("others may write above", |root| chmod(root.join("a"), 0o777), Some("a has mode 0777")),
            ("the folder is sticky", |root| chmod(root.join("a/b/c"), 0o1777), Some("has mode 1777")),
            ("a folder above is sticky", |root| chmod(root.join("a/b"), 0o1777), None),
            (
                "by a link",
                |root| {
                    fs::rename(root.join("a/b"), root.join("b"))?;
                    chmod(root.join("b"), 0o777)?;
                    symlink(root.join("b"), root.join("a/b"))
                },
                Some("/b has mode 0777"),
            ),
        ];
        for (name, change, says) in table {
            let root = tempfile::tempdir().expect("a folder");
            let path = root.path().join("a/b/c");
            create(&path).expect("it is made");
            for made in [&path, &root.path().join("a/b"), &root.path().join("a")] {
                assert_eq!(made.metadata().expect("it is there").mode() & 0o777, 0o700, "{name}");
            }
            change(root.path()).expect("it is changed");
            let said = folder(&path).err().map(|error| error.to_string());
            match says {
                None => assert_eq!(said, None, "{name}"),
                Some(says) => assert!(said.as_ref().is_some_and(|it| it.contains(says)), "{name}: {said:?}"),
            }
        }
    }

    fn chmod(path: PathBuf, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    #[test]
    fn tells_files_that_others_can_change() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("file");
        fs::write(&path, "").expect("a file");
        for (mode, is_trusted) in [(0o600, true), (0o644, true), (0o646, false)] {
            chmod(path.clone(), mode).expect("it is changed");
            assert_eq!(file(&path).is_ok(), is_trusted, "{mode:o}");
        }
        assert!(file(&root.path().join("none")).is_err());
    }

    #[test]
    fn a_foreign_owner_is_not_trusted() {
        let root = tempfile::tempdir().expect("a folder");
        let found = root.path().metadata().expect("it is there");
        let owner = found.uid();
        // name, who asks, who is unknown, whether the folder lies above, whether it is trusted
        let table = [
            ("the owner", owner, None, false, true),
            ("somebody else", owner + 1, None, false, owner == 0),
            ("nobody known, above", owner + 1, Some(owner), true, true),
            ("nobody known", owner + 1, Some(owner), false, owner == 0),
        ];
        for (name, id, unknown, is_above, expected) in table {
            let user = User { id, unknown };
            assert_eq!(user.owns(root.path(), &found, is_above).is_ok(), expected, "{name}");
        }
    }

    #[test]
    fn groups_of_ones_own() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/h:/bin/sh\nbob:x:1001:100::/h:/bin/sh\n\
                      cat:x:1002:100::/h:/bin/sh\n";
        let groups = "ann:x:1000:\nbob:x:1001:ann\nusers:x:100:\nmine:x:2000:ann\nours:x:2001:ann,bob\n";
        // user, group, alone
        let table = [
            (1000, 1000, true),
            (1000, 1001, true),
            (1001, 1001, false),
            (1001, 100, false),
            (1000, 100, false),
            (1000, 2000, true),
            (1000, 2001, false),
            (1000, 3000, false),
            (4000, 1000, false),
        ];
        for (user, group, expected) in table {
            assert_eq!(is_alone(user, group, passwd, groups), expected, "{user} in {group}");
        }
    }
}
