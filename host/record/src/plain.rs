//! Opens and reads files that may come from a stranger: only plain files, only within the limit of their kind, and never
//! through a link.
//!
//! A named pipe in place of a file would keep its reader waiting for ever, a link would lead out of the run, and a huge
//! sparse file would fill the memory. So every file of a run is opened here.

use std::{
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result},
    time::SystemTime,
};

use cap_std::fs::{Dir, File};
use rustix::fs::{AtFlags, Mode, OFlags};

use super::layout;
use crate::{digest::Digest, text};

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written.
    Read,
    /// Lines are added at the end. The file is created where it is missing.
    Append,
    /// What a crash has cut is taken away.
    Write,
}

/// A folder below this one, reached without following a link.
pub fn folder(dir: &Dir, path: &str) -> Result<Dir> {
    let mut here = dir.try_clone()?;
    for name in names(path)? {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&here, name, flags, Mode::empty());
        here = Dir::from_std_file(std::fs::File::from(opened.map_err(told)?));
    }
    Ok(here)
}

/// Creates a folder, and those above it, below this one, and opens it.
pub fn create_folder(dir: &Dir, path: &str) -> Result<Dir> {
    let mut here = dir.try_clone()?;
    for name in names(path)? {
        match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        here = folder(&here, name)?;
    }
    Ok(here)
}

/// The names that a path is made of. There is one way to write each path, so that no file has two.
fn names(path: &str) -> Result<Vec<&str>> {
    let names: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    match names.iter().all(|name| !["", ".", ".."].contains(name)) {
        true => Ok(names),
        false => Err(Error::new(ErrorKind::InvalidInput, "its path is not a plain one below the folder")),
    }
}

/// Opens a plain file. A file with several names (hard links) cannot be opened for writing, since it may also belong to
/// another run.
pub fn open(dir: &Dir, path: &str, access: Access) -> Result<File> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = folder(dir, parent)?;
    if names(name)?.is_empty() {
        return Err(no_plain_file());
    }
    // Opening a pipe without NONBLOCK waits for somebody at its other end.
    let flags = OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC
        | match access {
            Access::Read => OFlags::RDONLY,
            Access::Append => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
            Access::Write => OFlags::WRONLY,
        };
    let opened = rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o666)).map_err(told)?;
    let found = rustix::fs::fstat(&opened)?;
    if !rustix::fs::FileType::from_raw_mode(found.st_mode).is_file() {
        return Err(no_plain_file());
    }
    if access != Access::Read && found.st_nlink > 1 {
        let why = "it has other names as well (hard links), and would change under all of them: copy the run folder";
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(File::from_std(std::fs::File::from(opened)))
}

/// A plain file's size. None where there is no such file.
pub fn size(dir: &Dir, path: &str) -> Option<u64> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = folder(dir, parent).ok()?;
    let found = rustix::fs::statat(&parent, names(name).ok()?.pop()?, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let is_file = rustix::fs::FileType::from_raw_mode(found.st_mode).is_file();
    is_file.then(|| u64::try_from(found.st_size).unwrap_or_default())
}

/// A plain file's size and when it was changed. None where there is no such file.
pub fn stamp(dir: &Dir, path: &str) -> Option<(u64, Option<SystemTime>)> {
    let found = open(dir, path, Access::Read).ok()?.metadata().ok()?;
    Some((found.len(), found.modified().ok().map(cap_std::time::SystemTime::into_std)))
}

/// Opens a file for reading. A file that is larger than its kind may be is refused.
pub fn open_within(dir: &Dir, path: &str) -> Result<File> {
    let (file, limit) = (open(dir, path, Access::Read)?, layout::max_bytes(path));
    match file.metadata()?.len() {
        size if size > limit => Err(too_large(limit)),
        _ => Ok(file),
    }
}

/// A whole file.
pub fn read(dir: &Dir, path: &str) -> Result<Vec<u8>> {
    let limit = layout::max_bytes(path).min(layout::MAX_WHOLE_BYTES);
    let mut bytes = Vec::new();
    // A file that grows meanwhile is read up to the limit only.
    open_within(dir, path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// A file's digest and size, whatever its size within the limit of its kind.
pub fn digest(dir: &Dir, path: &str) -> Result<(Digest, u64)> {
    let limit = layout::max_bytes(path);
    let (digest, total) = Digest::of_all(open_within(dir, path)?.take(limit + 1))?;
    if total > limit { Err(too_large(limit)) } else { Ok((digest, total)) }
}

/// The lines of a file, one at a time, each with its line end where it has one.
pub struct Lines {
    file: BufReader<std::io::Take<File>>,
    /// Where the next line begins.
    at: u64,
    limit: u64,
}

impl Lines {
    /// Opens a file of lines. Fails where it is no plain file, or larger than files of its kind may be.
    pub fn open(dir: &Dir, path: &str) -> Result<Self> {
        let limit = layout::max_bytes(path);
        let file = BufReader::with_capacity(64 << 10, open_within(dir, path)?.take(limit + 1));
        Ok(Self { file, at: 0, limit })
    }

    /// The next line and where it begins. None at the end.
    pub fn next(&mut self, line: &mut Vec<u8>) -> Result<Option<u64>> {
        line.clear();
        let most = layout::MAX_LINE_BYTES;
        let read = (&mut self.file).take(most + 1).read_until(b'\n', line)? as u64;
        if read > most {
            let why = format!("it has a line of more than {}", text::bytes(most));
            return Err(Error::new(ErrorKind::FileTooLarge, why));
        }
        let at = self.at;
        self.at += read;
        if self.at > self.limit {
            return Err(too_large(self.limit));
        }
        Ok((read > 0).then_some(at))
    }
}

fn no_plain_file() -> Error {
    Error::new(ErrorKind::InvalidInput, "it is no plain file")
}

fn too_large(limit: u64) -> Error {
    let why = format!("it has more than {}, the most that is read of a file of its kind", text::bytes(limit));
    Error::new(ErrorKind::FileTooLarge, why)
}

/// What the kernel says about links and pipes, in words.
fn told(error: rustix::io::Errno) -> Error {
    match error {
        rustix::io::Errno::LOOP => Error::new(ErrorKind::InvalidInput, "it is a link, which is not followed"),
        // A pipe that nobody reads, or a device without a driver.
        rustix::io::Errno::NXIO => no_plain_file(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;
    use rustix::fs::{FileType, mknodat};

    use super::*;

    fn scratch() -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
        (folder, dir)
    }

    #[test]
    fn nothing_but_plain_files_is_read_or_written() {
        let (folder, dir) = scratch();
        dir.create_dir_all("below/deep").expect("created");
        dir.write("below/deep/file", "text").expect("written");
        dir.write("file", "text").expect("written");
        dir.write("twin", "text").expect("written");
        dir.hard_link("twin", &dir, "other-twin").expect("linked");
        mknodat(&dir, "pipe", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        symlink("/etc/hostname", folder.path().join("out")).expect("a link");
        symlink("file", folder.path().join("in")).expect("a link");
        symlink("below", folder.path().join("linked")).expect("a link");
        // name, whether it is read, whether it is appended to
        let table = [
            ("file", true, true),
            ("below/deep/file", true, true),
            ("twin", true, false),
            ("below", false, false),
            ("pipe", false, false),
            ("out", false, false),
            ("in", false, false),
            ("linked/deep/file", false, false),
            ("../file", false, false),
            ("/etc/hostname", false, false),
            ("below/../file", false, false),
            ("below//deep/file", false, false),
            ("./file", false, false),
            ("..", false, false),
            ("", false, false),
        ];
        for (name, is_read, is_appended) in table {
            assert_eq!(read(&dir, name).ok().as_deref(), is_read.then_some(&b"text"[..]), "{name}");
            assert_eq!(size(&dir, name).is_some(), is_read, "{name}");
            assert_eq!(open(&dir, name, Access::Append).is_ok(), is_appended, "{name}");
            assert_eq!(open(&dir, name, Access::Write).is_ok(), is_appended, "{name}");
        }
        assert!(read(&dir, "none").is_err() && open(&dir, "none", Access::Write).is_err());
        open(&dir, "none", Access::Append).expect("it is created");
    }

    #[test]
    fn holes_do_not_fill_the_memory() {
        let (_folder, dir) = scratch();
        let too_large =
            |found: Option<Error>| found.map(|error| error.kind()) == Some(ErrorKind::FileTooLarge);
        // name, bytes of the hole, whether the file may be opened
        let table = [
            ("score.json", 1 << 40, false),
            ("model_calls.jsonl", 1 << 40, false),
            ("proposer.jsonl", 200 << 20, true),
        ];
        for (name, bytes, opens) in table {
            dir.create(name).and_then(|file| file.set_len(bytes)).expect("it is sparse");
            match Lines::open(&dir, name) {
                Ok(mut lines) => assert!(opens && too_large(lines.next(&mut Vec::new()).err()), "{name}"),
                Err(error) => {
                    assert!(!opens && too_large(Some(error)) && too_large(read(&dir, name).err()), "{name}")
                }
            }
        }
    }

    #[test]
    fn folders_are_created_and_links_are_not_taken_for_them() {
        let (folder, dir) = scratch();
        create_folder(&dir, "a/b").expect("created");
        create_folder(&dir, "a/b").expect("it is there");
        symlink("a", folder.path().join("link")).expect("a link");
        assert!(create_folder(&dir, "link/c").is_err() && super::folder(&dir, "link").is_err());
        assert!(create_folder(&dir, "../c").is_err());
    }
}
