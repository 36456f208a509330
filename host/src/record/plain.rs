//! Reads files of a run folder that may be a stranger's: plain files only, of at most 1 GiB.
//!
//! A named pipe in place of a file would keep its reader waiting for ever.

use std::io::{Error, ErrorKind, Read, Result};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};

/// Largest file that is read into memory.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Opens a plain file. Its path may not lead out of the folder.
fn open(dir: &Dir, path: &str) -> Result<File> {
    // Opening a pipe without it waits for somebody who writes.
    let options = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).clone();
    let file = dir.open_with(path, &options)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Error::new(ErrorKind::InvalidInput, "it is no plain file")),
    }
}

/// A whole file.
pub fn read(dir: &Dir, path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(dir, path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, "it has more than 1 GiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;
    use rustix::fs::{FileType, Mode};

    use super::*;

    #[test]
    fn nothing_but_plain_files_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
        dir.write("file", "text").expect("written");
        dir.create_dir("folder").expect("created");
        rustix::fs::mknodat(&dir, "pipe", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("out")).expect("a link");
        // name, what is read
        let table = [("file", Some("text")), ("folder", None), ("pipe", None), ("out", None), ("none", None)];
        for (name, expected) in table {
            let found = read(&dir, name).ok();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{name}");
        }
    }
}
