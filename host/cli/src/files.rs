//! Reads files that are named on the command line, or looked for where the user works: plain files only,
//! and never more of them than is wanted. A named pipe would keep its reader waiting, a device has no end,
//! and a sparse file has more bytes than there is memory.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::error::CliError;
use mmh_record::text;

/// A file's bytes. One that is larger than `most` is refused; `option` is what raises the limit, if something
/// does.
pub fn bytes(path: &Path, most: u64, option: Option<&str>) -> Result<Vec<u8>, CliError> {
    read(path, most, option).map_err(|error| unreadable(path, &error))
}

/// The same of a file that may not be there.
pub fn bytes_if_there(path: &Path, most: u64) -> Result<Option<Vec<u8>>, CliError> {
    match read(path, most, None) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A file's text.
pub fn text(path: &Path, most: u64, option: Option<&str>) -> Result<String, CliError> {
    let not_text = || Error::new(ErrorKind::InvalidData, "it is no UTF-8 text");
    String::from_utf8(bytes(path, most, option)?).map_err(|_| unreadable(path, &not_text()))
}

/// So many times a limit is read, so that what checks the limit can say how far a file is over it.
pub const BEYOND: u64 = 16;

/// The source of a harness, where sources have at most so many bytes.
pub fn source(path: &Path, limit: u64) -> Result<String, CliError> {
    text(path, BEYOND * limit, Some("--source-kib"))
}

fn unreadable(path: &Path, error: &Error) -> CliError {
    CliError::input(format!("cannot read {}: {error}", text::path(path)))
}

fn read(path: &Path, most: u64, option: Option<&str>) -> Result<Vec<u8>, Error> {
    // Opening a pipe without it waits for somebody who writes.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let found = file.metadata()?;
    if found.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    if !found.is_file() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "it is no plain file but a pipe, a socket or a device",
        ));
    }
    let mut bytes = Vec::new();
    // Not as much as it says that it has: a file can grow.
    let too_large = found.len() > most || file.take(most + 1).read_to_end(&mut bytes)? as u64 > most;
    if !too_large {
        return Ok(bytes);
    }
    let raised = option.map(|option| format!("; {option} raises it")).unwrap_or_default();
    let size = text::bytes(found.len().max(most + 1));
    let problem = format!("it has {size}, more than the limit of {}{raised}", text::bytes(most));
    Err(Error::new(ErrorKind::FileTooLarge, problem))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_plain_files_of_a_sensible_size_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "12345678").expect("written");
        fs::write(at("large"), "123456789").expect("written");
        fs::write(at("latin"), b"gru\xdf").expect("written");
        fs::create_dir(at("folder")).expect("created");
        File::create(at("sparse")).and_then(|file| file.set_len(1 << 40)).expect("made");
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        symlink("file", at("link")).expect("a link");
        symlink("pipe", at("link to a pipe")).expect("a link");
        symlink("link in a circle", at("link in a circle")).expect("a link");
        // name, what is said, or None if it is read
        let table = [
            ("file", None),
            ("link", None),
            ("large", Some("it has 9 B, more than the limit of 8 B; --more raises it")),
            ("sparse", Some("it has 1024 GiB, more than")),
            ("latin", Some("it is no UTF-8 text")),
            ("folder", Some("it is a folder")),
            ("pipe", Some("it is no plain file")),
            ("link to a pipe", Some("it is no plain file")),
            ("link in a circle", Some("Too many levels of symbolic links")),
            ("nothing", Some("No such file")),
            ("/dev/zero", Some("it is no plain file")),
        ];
        for (name, says) in table {
            let read = text(&at(name), 8, Some("--more"));
            match (read, says) {
                (Ok(found), None) => assert_eq!(found, "12345678", "{name}"),
                (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }
}
