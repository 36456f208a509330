//! One file of a data set: its format and its text. Not in here: its rows.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::DatasetError;

/// The endings of files that are read, for messages.
pub const ENDINGS: &str = ".jsonl, .ndjson, .json, .csv or .tsv, also with .gz behind it";

/// Largest file, packed and unpacked.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The first bytes of a file that is packed by gzip.
const GZIP: &[u8] = b"\x1f\x8b";

/// How a file holds its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Objects, one on each line or all in an array.
    Json,
    /// A table with a header. Cells are separated by commas, unless the header has another delimiter.
    Commas,
    /// The same with tabs.
    Tabs,
}

/// A file's name without its endings, and its format. The case of endings does not matter.
pub fn format_of(name: &str) -> Option<(&str, Format)> {
    let (stem, ending) = name.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "gz" => format_of(stem).filter(|_| !stem.to_ascii_lowercase().ends_with(".gz")),
        "jsonl" | "ndjson" | "json" => Some((stem, Format::Json)),
        "csv" => Some((stem, Format::Commas)),
        "tsv" => Some((stem, Format::Tabs)),
        _ => None,
    }
}

/// A file's text. The content decides whether it is packed, because browsers unpack files and keep the ending.
pub fn text(path: &Path) -> Result<String, DatasetError> {
    let file = || path.display().to_string();
    let bytes = read(path).map_err(|source| DatasetError::Read { path: file(), source })?;
    let bytes = match bytes.starts_with(GZIP) {
        true => bounded(MultiGzDecoder::new(bytes.as_slice()))
            .map_err(|source| DatasetError::Read { path: file(), source })?,
        false => bytes,
    };
    decoded(&file(), bytes)
}

/// Reads plain files only: opening a named pipe would wait for a writer.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file: File = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a plain file"));
    }
    if about.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    bounded(file)
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> io::Error {
    let limit = format!("it has more than {} MiB, unpacked; take a part of it", MAX_FILE_BYTES >> 20);
    io::Error::new(ErrorKind::FileTooLarge, limit)
}

/// The text, without the byte order mark that some programs write first. Only UTF-8 is accepted.
pub fn decoded(file: &str, mut bytes: Vec<u8>) -> Result<String, DatasetError> {
    let utf_16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    // Without a mark, every other byte of plain letters is zero.
    if utf_16 || bytes.iter().take(4).any(|byte| *byte == 0) {
        let problem = "it is UTF-16 or no text; save it as UTF-8".to_owned();
        return Err(DatasetError::Shape { file: file.to_owned(), problem });
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at(at);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let byte = rest.first().copied().unwrap_or_default();
        let problem = format!("it is not UTF-8: the byte 0x{byte:02X}; save the file as UTF-8");
        DatasetError::Row { file: file.to_owned(), line, problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_name_formats() {
        let table = [
            ("a.csv", Some(("a", Format::Commas))),
            ("A.B.CSV", Some(("A.B", Format::Commas))),
            ("a.tsv.GZ", Some(("a", Format::Tabs))),
            ("train.jsonl.gz", Some(("train", Format::Json))),
            ("a.ndjson", Some(("a", Format::Json))),
            ("a.Json", Some(("a", Format::Json))),
            ("a.gz", None),
            ("a.csv.gz.gz", None),
            ("a.csv.zip", None),
            ("csv", None),
            ("", None),
        ];
        for (name, expected) in table {
            assert_eq!(format_of(name), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_say_what_is_wrong() {
        let table: [(&[u8], Result<&str, &str>); 7] = [
            (b"\xef\xbb\xbftext", Ok("text")),
            (b"", Ok("")),
            (b"\xff\xfet\0", Err("f: it is UTF-16")),
            (b"\xfe\xff\0t", Err("f: it is UTF-16")),
            (b"t\0e\0", Err("f: it is UTF-16")),
            (b"text,label\ncaf\xe9,a\n", Err("f, line 2: it is not UTF-8: the byte 0xE9")),
            (b"\n\xff\xfe", Err("f, line 2: it is not UTF-8: the byte 0xFF")),
        ];
        for (bytes, expected) in table {
            match (decoded("f", bytes.to_vec()).map_err(|error| error.to_string()), expected) {
                (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
                (found, expected) => assert_eq!(found.as_deref().ok(), expected.ok(), "{bytes:?}"),
            }
        }
    }
}
