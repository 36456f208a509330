//! Removes folders that a candidate's compiler has filled: nested deeper than a path can be, or without the rights
//! to look into them.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Removes a folder with all that is in it. Inner folders are moved up before they are emptied, so that no path gets
/// long and no folder stays open, however deep they nest.
pub fn folder(folder: &Path) -> io::Result<()> {
    open_up(folder);
    let mut moved = 0;
    loop {
        let inner = folders_after_files(folder)?;
        if inner.is_empty() {
            return fs::remove_dir(folder);
        }
        for path in inner {
            open_up(&path);
            for deeper in folders_after_files(&path)? {
                open_up(&deeper);
                move_up(&deeper, folder, &mut moved)?;
            }
            fs::remove_dir(path)?;
        }
    }
}

/// Lets the owner list and change a folder. A failure shows when the folder is listed.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
}

/// Removes a folder's files and returns its folders. Links are removed, not followed.
fn folders_after_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => folders.push(entry.path()),
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(folders)
}

/// Moves a folder into another one, under a name that is free there.
fn move_up(folder: &Path, to: &Path, moved: &mut u64) -> io::Result<()> {
    loop {
        let name = to.join(format!("{moved}.moved"));
        *moved += 1;
        if name.symlink_metadata().is_err() {
            return fs::rename(folder, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes so many folders in one another, each with a file.
    fn nest(folder: &Path, depth: usize) {
        let mut folder = rustix::fs::open(folder, rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty())
            .expect("a folder");
        for _ in 0..depth {
            let mode = rustix::fs::Mode::RWXU;
            rustix::fs::mkdirat(&folder, "d", mode).expect("a folder");
            let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
            rustix::fs::openat(&folder, "f", flags, mode).expect("a file");
            folder =
                rustix::fs::openat(&folder, "d", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty())
                    .expect("it opens");
        }
    }

    #[test]
    fn removes_whatever_there_is() {
        type Fill = fn(&Path);
        let table: [(&str, Fill); 5] = [
            ("nothing", |_| {}),
            ("deep folders", |folder| nest(folder, 6_000)),
            ("names that are taken", |folder| {
                for name in ["0.moved/0.moved/x", "1.moved/1.moved", "a/2.moved/y"] {
                    fs::create_dir_all(folder.join(name)).expect("a folder");
                }
            }),
            ("folders that cannot be listed", |folder| {
                fs::create_dir_all(folder.join("a/b/c")).expect("a folder");
                for name in ["a/b", "a"] {
                    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o000))
                        .expect("a mode");
                }
            }),
            ("links to elsewhere", |folder| {
                std::os::unix::fs::symlink("/etc", folder.join("link")).expect("a link");
                std::os::unix::fs::symlink("/etc/passwd", folder.join("file")).expect("a link");
            }),
        ];
        for (name, fill) in table {
            let parent = tempfile::tempdir().expect("a folder");
            let path = parent.path().join("folder");
            fs::create_dir(&path).expect("a folder");
            fill(&path);
            super::folder(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!path.exists() && Path::new("/etc/passwd").exists(), "{name}");
        }
        assert!(super::folder(Path::new("/no/such/folder")).is_err());
    }
}
