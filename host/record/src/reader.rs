//! Reads a run folder, whole or partial, from this machine or from a stranger.
//!
//! [`RunReader`] opens a run. [`Rows`] reads the lines of a JSON Lines file one at a time. Files are named by their paths
//! in the run, such as `iterations/003/score.json`. The names of files are constants in [`layout`].

use std::{
    fs::TryLockError,
    io::{BufReader, Error, ErrorKind, Read},
    marker::PhantomData,
    path::Path,
    sync::OnceLock,
    time::SystemTime,
};

use cap_std::{ambient_authority, fs::Dir};
use serde::Deserialize;

use super::{
    RecordError,
    baseline::Baseline,
    digest::Digest,
    format::{Config, CostFile, NewerSchema, Summary},
    language::HarnessLanguage,
    layout, plain,
    recorded::Recorded,
};

/// As much of a configuration as says which language the harnesses have.
#[derive(Deserialize)]
struct LanguageOnly {
    #[serde(default)]
    harness_language: HarnessLanguage,
}

crate::recorded!(LanguageOnly);

/// An open run folder.
pub struct RunReader {
    dir: Dir,
    /// Known once the configuration was read.
    language: OnceLock<HarnessLanguage>,
}

impl RunReader {
    /// Opens the run at this path. A run of a newer major version is refused, see
    /// [`SCHEMA_VERSION`](crate::format::SCHEMA_VERSION).
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let reader = Self::open_folder(path)?;
        if !reader.has(layout::CONFIG) {
            return Err(RecordError::NoRun { path: path.display().to_string() });
        }
        reader.newer(layout::CONFIG).map_or(Ok(reader), Err)
    }

    /// Opens a folder that may be a run's or an export's.
    pub fn open_folder(path: &Path) -> Result<Self, RecordError> {
        let opened = Dir::open_ambient_dir(path, ambient_authority());
        let dir = opened.map_err(|_| RecordError::NoRun { path: path.display().to_string() })?;
        Ok(Self::new(dir))
    }

    /// Reads through a handle that is open already.
    pub fn new(dir: Dir) -> Self {
        Self { dir, language: OnceLock::new() }
    }

    /// The first bytes of a file, up to so many.
    pub fn beginning(&self, file: &str, bytes: u64) -> Result<Vec<u8>, RecordError> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut beginning = Vec::new();
            plain::open(&self.dir, file, plain::Access::Read)?.take(bytes).read_to_end(&mut beginning)?;
            Ok(beginning)
        };
        read().map_err(|source| RecordError::Io { action: "read", file: file.to_owned(), source })
    }

    /// Whether a process is writing to the run at this moment.
    pub fn is_being_written(&self) -> bool {
        let handle = self.dir.open(".").map(cap_std::fs::File::into_std);
        handle.is_ok_and(|handle| matches!(handle.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The folder itself.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// What the run was asked to do.
    pub fn config(&self) -> Result<Config, RecordError> {
        self.json(layout::CONFIG)
    }

    /// The language of the run's harnesses. Rust where the configuration cannot be read.
    pub fn language(&self) -> HarnessLanguage {
        if let Some(known) = self.language.get() {
            return *known;
        }
        match self.json::<LanguageOnly>(layout::CONFIG) {
            Ok(LanguageOnly { harness_language }) => *self.language.get_or_init(|| harness_language),
            Err(_) => HarnessLanguage::default(),
        }
    }

    /// The name of the source file that an iteration's folder has.
    pub fn source_name(&self) -> &'static str {
        self.language().source()
    }

    /// The baseline of this index. Fails where it is not there, or is not the component that the configuration names.
    pub fn baseline(&self, config: &Config, index: u32) -> Result<Baseline, RecordError> {
        let Some(given) = config.given(index) else {
            let path = Self::iteration_file(index, config.harness_language.source());
            return Ok(Baseline::Source(self.text(&path)?));
        };
        let path = Self::iteration_file(index, layout::COMPONENT);
        let bytes = self.bytes(&path)?;
        let found = Digest::of(&bytes);
        if found == given.sha256 {
            return Ok(Baseline::Component(bytes.into()));
        }
        let problem = format!("sha256 {} by {}, and {found} by its bytes", given.sha256, layout::CONFIG);
        Err(RecordError::Damaged { file: path, problem })
    }

    /// What the search came to, or has come to so far.
    pub fn summary(&self) -> Result<Summary, RecordError> {
        self.json(layout::SUMMARY)
    }

    /// Tokens and money of all finished iterations.
    pub fn cost(&self) -> Result<CostFile, RecordError> {
        self.json(layout::COST)
    }

    /// Whether a plain file is there.
    pub fn has(&self, file: &str) -> bool {
        self.size(file).is_some()
    }

    /// A plain file's size, where there is one.
    pub fn size(&self, file: &str) -> Option<u64> {
        plain::size(&self.dir, file)
    }

    /// A plain file's size and when it was changed, where there is one.
    pub fn stamp(&self, file: &str) -> Option<(u64, Option<SystemTime>)> {
        plain::stamp(&self.dir, file)
    }

    /// A folder of the run, such as `iterations/003`, where there is one.
    pub fn folder(&self, path: &str) -> Option<Dir> {
        plain::folder(&self.dir, path).ok()
    }

    /// A file of an iteration: its path in the run folder.
    pub fn iteration_file(index: u32, file: &str) -> String {
        layout::file(&layout::iteration(index), file)
    }

    /// A whole file. A path that leads out of the run is refused.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, RecordError> {
        plain::read(&self.dir, file).map_err(unreadable(file))
    }

    /// A whole text file. Fails where it is no UTF-8.
    pub fn text(&self, file: &str) -> Result<String, RecordError> {
        String::from_utf8(self.bytes(file)?).map_err(|error| damaged(file, &error))
    }

    /// A JSON file's value. A file of a run of a newer major version is refused, see
    /// [`SCHEMA_VERSION`](crate::format::SCHEMA_VERSION).
    pub fn json<T: Recorded>(&self, file: &str) -> Result<T, RecordError> {
        // Whatever else is wrong with it, a newer version may explain.
        T::parse(&self.bytes(file)?)
            .map_err(|error| self.newer(file).unwrap_or_else(|| damaged(file, &error)))
    }

    /// Why a file is refused that says that the run is of a newer major version.
    fn newer(&self, file: &str) -> Option<RecordError> {
        let opened = plain::open_within(&self.dir, file).ok()?;
        let newer = NewerSchema::of(BufReader::new(opened))?;
        Some(unreadable(file)(Error::new(ErrorKind::Unsupported, newer)))
    }

    /// The rows of a JSON Lines file, one at a time. A last line that a crash has cut is skipped.
    pub fn rows<T: Recorded>(&self, file: &str) -> Result<Rows<T>, RecordError> {
        Rows::open(&self.dir, file, file.to_owned())
    }

    /// All rows of a JSON Lines file. A file of more than [`layout::MAX_ROWS_BYTES`] is refused.
    pub fn lines<T: Recorded>(&self, file: &str) -> Result<Vec<T>, RecordError> {
        let bytes = self.size(file).unwrap_or_default();
        if bytes > layout::MAX_ROWS_BYTES {
            return Err(RecordError::TooLarge { file: file.to_owned(), bytes });
        }
        self.rows(file)?.collect()
    }
}

/// The rows of a JSON Lines file. One line is in memory at a time.
pub struct Rows<T> {
    lines: plain::Lines,
    line: Vec<u8>,
    number: usize,
    /// Nothing more can be read.
    ended: bool,
    /// For messages.
    name: String,
    row: PhantomData<T>,
}

impl<T: Recorded> Rows<T> {
    /// Opens a file below this folder. Messages call it `name`.
    pub fn open(dir: &Dir, file: &str, name: String) -> Result<Self, RecordError> {
        let lines = plain::Lines::open(dir, file).map_err(unreadable(&name))?;
        Ok(Self { lines, line: Vec::new(), number: 0, ended: false, name, row: PhantomData })
    }

    /// The next row, the offset of its line in the file, and the number of bytes of the line.
    pub fn next_with_place(&mut self) -> Result<Option<(T, u64, usize)>, RecordError> {
        if self.ended {
            return Ok(None);
        }
        let read = self.lines.next(&mut self.line).map_err(unreadable(&self.name));
        self.ended = read.is_err();
        let Some(at) = read? else { return Ok(None) };
        if !self.line.ends_with(b"\n") {
            return Ok(None);
        }
        self.number += 1;
        let row = T::parse(&self.line)
            .map_err(|error| damaged(&self.name, &format!("line {}: {error}", self.number)))?;
        Ok(Some((row, at, self.line.len())))
    }
}

impl<T: Recorded> Iterator for Rows<T> {
    type Item = Result<T, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with_place().map(|found| found.map(|(row, ..)| row)).transpose()
    }
}

fn unreadable(file: &str) -> impl Fn(std::io::Error) -> RecordError {
    move |source| RecordError::Io { action: "read", file: file.to_owned(), source }
}

fn damaged(file: &str, problem: &dyn std::fmt::Display) -> RecordError {
    RecordError::Damaged { file: file.to_owned(), problem: problem.to_string() }
}
