//! Writes one folder of a run: whole files and appended lines. Also repairs what a crash has left half-written.

use std::{
    collections::BTreeMap,
    io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write},
};

use cap_std::fs::{Dir, File, OpenOptions};
use rustix::fs::AtFlags;
use serde::Serialize;

use super::{
    RecordError,
    append::Appender,
    layout,
    manifest::{self, Manifest},
    plain::{self, Access},
    reader::Rows,
    recorded::Recorded,
    stored::Stored,
};

/// An open folder: an iteration's, or the run's own.
pub struct IterationWriter {
    dir: Dir,
    /// Such as `iterations/003`, for messages. Empty for the run's own folder.
    name: String,
    /// Whether what is written shall outlive a power cut.
    synced: bool,
}

impl IterationWriter {
    pub(super) fn new(dir: Dir, name: String, synced: bool) -> Self {
        Self { dir, name, synced }
    }

    /// The folder itself, for reading what was written.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    /// A file's path in the run, for messages.
    fn path(&self, file: &str) -> String {
        if self.name.is_empty() { file.to_owned() } else { format!("{}/{file}", self.name) }
    }

    /// Writes a whole file.
    pub fn put(&self, file: &str, bytes: &[u8]) -> Result<(), RecordError> {
        self.replace(file, |partial| partial.write_all(bytes))
    }

    /// Writes a whole JSON file: indented by two spaces, with a line feed at the end.
    pub fn put_json(&self, file: &str, value: &impl Serialize) -> Result<(), RecordError> {
        self.put(file, &json(file, value)?)
    }

    /// Written beside, synced, renamed, and the folder synced: whole or not at all, also after a power cut.
    fn replace(
        &self,
        file: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<(), RecordError> {
        let beside = layout::partial(file);
        let written = || -> std::io::Result<()> {
            // Whatever has this name, a link or a pipe perhaps, is not written into.
            remove(&self.dir, &beside)?;
            let mut partial = self.dir.open_with(&beside, OpenOptions::new().write(true).create_new(true))?;
            write(&mut partial)?;
            if self.synced {
                partial.sync_all()?;
            }
            self.dir.rename(&beside, &self.dir, file)?;
            if self.synced { self.dir.open(".")?.sync_all() } else { Ok(()) }
        };
        written().map_err(io("write", self.path(file)))
    }

    /// Writes the folder's `manifest.json`. It is the last file that is written.
    pub fn seal(&self) -> Result<(), RecordError> {
        self.seal_with(Vec::new())
    }

    /// The same with more files, by their paths. A file that does not belong to a run is left out, so that
    /// `verify` names it.
    pub(super) fn seal_with(&self, more: Vec<String>) -> Result<(), RecordError> {
        let mut paths = manifest::files_of(&self.dir).map_err(io("list", self.path("")))?;
        paths.retain(|file| layout::kind(&self.name, file).is_some());
        paths.extend(more);
        self.put(manifest::NAME, &Manifest::of(&self.dir, &paths)?.bytes())
    }

    /// Takes the folder's manifest away: the folder is written to.
    pub(super) fn unseal(&self) -> Result<(), RecordError> {
        let removed = match self.dir.remove_file(manifest::NAME) {
            Ok(()) if self.synced => self.dir.open(".").and_then(|folder| folder.sync_all()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        removed.map_err(io("remove", self.path(manifest::NAME)))
    }

    /// Takes away what a crash has left half-written.
    pub(super) fn tidy(&self) -> Result<(), RecordError> {
        let tidied = || -> std::io::Result<()> {
            for entry in self.dir.entries()? {
                let name = entry?.file_name();
                if name.to_str().is_some_and(layout::is_partial) {
                    self.dir.remove_file(&name)?;
                }
            }
            Ok(())
        };
        tidied().map_err(io("tidy up", self.path("")))
    }

    /// Sorts the lines of a JSON Lines file by a key that is read from each line.
    pub fn sort_lines<T, K>(&self, file: &str, key: impl Fn(&T) -> K) -> Result<(), RecordError>
    where
        T: Recorded,
        K: Ord,
    {
        let mut rows = Rows::<T>::open(&self.dir, file, self.path(file))?;
        // Equal keys keep their order.
        let mut places: BTreeMap<K, Vec<(u64, usize)>> = BTreeMap::new();
        while let Some((row, at, bytes)) = rows.next_with_place()? {
            places.entry(key(&row)).or_default().push((at, bytes));
        }
        let sorted: Vec<(u64, usize)> = places.into_values().flatten().collect();
        if sorted.is_sorted() { Ok(()) } else { self.rewrite(file, &sorted) }
    }

    /// The rows of a JSON Lines file, or none if there is no such file. Removes a last line that a crash has cut.
    pub fn mend_lines<T: Recorded>(&self, file: &str) -> Result<Vec<T>, RecordError> {
        let mut kept = Vec::new();
        self.each_line(file, |row| kept.push(row))?;
        Ok(kept)
    }

    /// The same, row by row.
    pub fn each_line<T: Recorded>(&self, file: &str, mut each: impl FnMut(T)) -> Result<(), RecordError> {
        self.mend(file)?;
        if plain::size(&self.dir, file).is_some() {
            for row in Rows::open(&self.dir, file, self.path(file))? {
                each(row?);
            }
        }
        Ok(())
    }

    /// The rows of a JSON Lines file by example or batch. They stay in the file. Removes a last line that a crash has cut.
    pub fn stored<T: Clone + Recorded>(&self, file: &str) -> Result<Stored<T>, RecordError> {
        self.mend(file)?;
        Stored::named(&self.dir, file, &self.path(file), |_| {})
    }

    /// Removes the lines of a JSON Lines file that `keep` does not accept. The others keep their bytes.
    pub fn keep_lines<T: Recorded>(&self, file: &str, keep: impl Fn(&T) -> bool) -> Result<(), RecordError> {
        self.mend(file)?;
        if plain::size(&self.dir, file).is_none() {
            return Ok(());
        }
        let mut rows = Rows::<T>::open(&self.dir, file, self.path(file))?;
        let (mut kept, mut all) = (Vec::new(), 0);
        while let Some((row, at, bytes)) = rows.next_with_place()? {
            all += 1;
            if keep(&row) {
                kept.push((at, bytes));
            }
        }
        if kept.len() == all { Ok(()) } else { self.rewrite(file, &kept) }
    }

    /// Makes a file of some of its own pieces: where they begin, and how long they are.
    fn rewrite(&self, file: &str, pieces: &[(u64, usize)]) -> Result<(), RecordError> {
        let opened = plain::open(&self.dir, file, Access::Read).map_err(io("read", self.path(file)))?;
        let mut from = BufReader::new(opened);
        self.replace(file, |partial| {
            let mut to = BufWriter::new(partial);
            for &(at, bytes) in pieces {
                from.seek(SeekFrom::Start(at))?;
                std::io::copy(&mut (&mut from).take(bytes as u64), &mut to)?;
            }
            to.flush()
        })
    }

    /// Takes a last line away that has no end.
    fn mend(&self, file: &str) -> Result<(), RecordError> {
        let (mut whole, mut all) = (0, 0);
        if plain::size(&self.dir, file).is_none() && self.dir.symlink_metadata(file).is_err() {
            return Ok(());
        }
        let mut lines = plain::Lines::open(&self.dir, file).map_err(io("read", self.path(file)))?;
        let mut line = Vec::new();
        while let Some(at) = lines.next(&mut line).map_err(io("read", self.path(file)))? {
            all = at + line.len() as u64;
            if line.ends_with(b"\n") {
                whole = all;
            }
        }
        if whole == all {
            return Ok(());
        }
        let opened = plain::open(&self.dir, file, Access::Write).map_err(io("open", self.path(file)))?;
        let cut = opened.set_len(whole).and_then(|()| opened.sync_all());
        cut.map_err(io("write", self.path(file)))
    }

    /// Opens a JSON Lines file for appending.
    pub fn append(&self, file: &str) -> Result<Appender, RecordError> {
        let opened = plain::open(&self.dir, file, Access::Append).map_err(io("open", self.path(file)))?;
        Ok(Appender::new(opened, self.path(file), self.synced))
    }
}

/// Removes whatever has this name, but for a folder.
fn remove(dir: &Dir, name: &str) -> std::io::Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn json(file: &str, value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| unserializable(file, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A value as it stands in a JSON file. What cannot be written as JSON is empty.
pub fn json_bytes(value: &impl Serialize) -> Vec<u8> {
    json("", value).unwrap_or_default()
}

fn unserializable(file: &str, error: &serde_json::Error) -> RecordError {
    RecordError::Damaged { file: file.to_owned(), problem: error.to_string() }
}

/// Names an action and a file in an I/O error.
pub fn io(action: &'static str, file: String) -> impl Fn(std::io::Error) -> RecordError {
    move |source| RecordError::Io { action, file: file.clone(), source }
}
