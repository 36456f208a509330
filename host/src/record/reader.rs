//! Reads a run folder back, whole or partial, its own or a stranger's.

use std::path::Path;

use cap_std::{ambient_authority, fs::Dir};
use serde::de::DeserializeOwned;

use super::{
    RecordError,
    format::{Config, CostFile, Summary},
    plain,
};

/// An open run folder.
pub struct RunReader {
    dir: Dir,
}

impl RunReader {
    /// Opens the run at this path.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let no_run = || RecordError::NoRun { path: path.display().to_string() };
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|_| no_run())?;
        if !dir.is_file("config.json") {
            return Err(no_run());
        }
        Ok(Self { dir })
    }

    /// Reads through a handle that is open already.
    pub fn new(dir: Dir) -> Self {
        Self { dir }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    pub fn config(&self) -> Result<Config, RecordError> {
        self.json("config.json")
    }

    pub fn summary(&self) -> Result<Summary, RecordError> {
        self.json("summary.json")
    }

    pub fn cost(&self) -> Result<CostFile, RecordError> {
        self.json("cost.json")
    }

    /// Whether a file is there.
    pub fn has(&self, file: &str) -> bool {
        self.dir.is_file(file)
    }

    /// A file of an iteration: its path in the run folder.
    pub fn iteration_file(index: u32, file: &str) -> String {
        format!("iterations/{index:03}/{file}")
    }

    /// A whole file. Its path may not lead out of the run.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, RecordError> {
        let problem = |source| RecordError::Io { action: "read", file: file.to_owned(), source };
        plain::read(&self.dir, file).map_err(problem)
    }

    pub fn text(&self, file: &str) -> Result<String, RecordError> {
        String::from_utf8(self.bytes(file)?).map_err(|error| damaged(file, &error))
    }

    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, RecordError> {
        self.json_and_size(file).map(|(value, _)| value)
    }

    /// A JSON file's value, and how many bytes it has.
    pub fn json_and_size<T: DeserializeOwned>(&self, file: &str) -> Result<(T, usize), RecordError> {
        let bytes = self.bytes(file)?;
        let value = serde_json::from_slice(&bytes).map_err(|error| damaged(file, &error))?;
        Ok((value, bytes.len()))
    }

    /// The rows of a JSON Lines file. A last line that was cut off by a crash is passed over.
    pub fn lines<T: DeserializeOwned>(&self, file: &str) -> Result<Vec<T>, RecordError> {
        let text = self.text(file)?;
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        let lines = text[..complete].lines().enumerate();
        lines
            .map(|(at, line)| {
                serde_json::from_str(line)
                    .map_err(|error| damaged(file, &format!("line {}: {error}", at + 1)))
            })
            .collect()
    }
}

fn damaged(file: &str, problem: &dyn std::fmt::Display) -> RecordError {
    RecordError::Damaged { file: file.to_owned(), problem: problem.to_string() }
}
