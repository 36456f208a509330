//! Lines that are appended to a file while it is read.

use std::io;

use cap_std::fs::Dir;
use mmh_record::{plain::Lines, recorded::Recorded};

/// A file whose end is followed. The file may be replaced by a sorted one once it is whole: the open one has all lines then.
pub(super) struct Tail {
    lines: Lines,
    /// The beginning of a line whose rest is not there yet.
    begun: Vec<u8>,
}

impl Tail {
    pub(super) fn open(dir: &Dir, path: &str) -> io::Result<Self> {
        Ok(Self { lines: Lines::open(dir, path)?, begun: Vec::new() })
    }

    /// The next whole row. None where there is none yet. A row that cannot be read is passed over.
    pub(super) fn next<T: Recorded>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        while self.lines.next(&mut line)?.is_some() {
            self.begun.append(&mut line);
            if !self.begun.ends_with(b"\n") {
                return Ok(None);
            }
            let whole = std::mem::take(&mut self.begun);
            if let Ok(row) = T::parse(&whole) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}
