//! A ZIP archive that is written once, front to back. It has what a log needs and no more: files by name, deflated, without
//! times, at most 65,535 of them and 4 GiB.
//!
//! The format is that of PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
const DEFLATED: u16 = 8;
/// The version of the format that is needed to read the archive: 2.0.
const VERSION: u16 = 20;
/// The first day that the format knows, 1980-01-01: the same log always has the same bytes.
const DATE: u16 = 1 << 5 | 1;
const TIME: u16 = 0;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// An archive that is being written.
pub(super) struct Archive<W: Write> {
    file: W,
    /// Where the next byte goes.
    at: u64,
    /// The directory, which comes last.
    directory: Vec<u8>,
    count: u16,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(file: W) -> Self {
        Self { file, at: 0, directory: Vec::new(), count: 0 }
    }

    /// Adds a file. No other one may have its name.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(bytes)?;
        let deflated = deflated.finish()?;
        let name_length = u16::try_from(name.len()).map_err(|_| too_large())?;
        let offset = small(self.at)?;
        // What both the file's own header and the directory say of it.
        let mut about = Vec::new();
        [VERSION, FLAGS, DEFLATED, TIME, DATE].iter().for_each(|it| about.extend(it.to_le_bytes()));
        for number in [crc.sum(), small(deflated.len() as u64)?, small(bytes.len() as u64)?] {
            about.extend(number.to_le_bytes());
        }
        about.extend(name_length.to_le_bytes());
        about.extend([0; 2]);
        let header = [&LOCAL.to_le_bytes()[..], &about, name.as_bytes()].concat();
        self.file.write_all(&header)?;
        self.file.write_all(&deflated)?;
        self.at += (header.len() + deflated.len()) as u64;
        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(about);
        // No comment, the first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count = self.count.checked_add(1).ok_or_else(too_large)?;
        Ok(())
    }

    /// Writes the directory.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let (size, offset) = (small(self.directory.len() as u64)?, small(self.at)?);
        let mut end = END.to_le_bytes().to_vec();
        end.extend([0; 4]);
        [self.count, self.count].iter().for_each(|it| end.extend(it.to_le_bytes()));
        [size, offset].iter().for_each(|it| end.extend(it.to_le_bytes()));
        end.extend([0; 2]);
        self.file.write_all(&self.directory)?;
        self.file.write_all(&end)?;
        self.file.flush()
    }
}

/// A number that the plain format has room for.
fn small(number: u64) -> io::Result<u32> {
    u32::try_from(number).ok().filter(|number| *number < u32::MAX).ok_or_else(too_large)
}

fn too_large() -> io::Error {
    io::Error::other("an .eval has at most 4 GiB and 65,535 files: write FILE.json instead")
}
