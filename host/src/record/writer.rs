//! Writes a run folder: eagerly, each file whole or not at all.

use std::io::Write;

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use serde::Serialize;

use super::{
    RecordError,
    append::Appender,
    format::{Config, CostFile, Summary},
    manifest::{self, Manifest},
};

/// An open run folder.
pub struct RunWriter {
    dir: Dir,
}

/// An open iteration's folder.
pub struct IterationWriter {
    dir: Dir,
    /// Such as `iterations/003`, for messages.
    name: String,
}

impl RunWriter {
    /// Creates the folder of a new run, with its configuration.
    pub fn create(runs: &std::path::Path, config: &Config) -> Result<Self, RecordError> {
        check_run_id(&config.run_id)?;
        let folder = runs.display().to_string();
        let problem = |action| io(action, folder.clone());
        std::fs::create_dir_all(runs).map_err(problem("create"))?;
        let parent = Dir::open_ambient_dir(runs, ambient_authority()).map_err(problem("open"))?;
        if let Err(source) = parent.create_dir(&config.run_id) {
            return Err(match source.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    RecordError::Exists { run_id: config.run_id.clone(), folder }
                }
                _ => io("create", format!("{folder}/{}", config.run_id))(source),
            });
        }
        let dir = parent.open_dir(&config.run_id).map_err(problem("open"))?;
        let writer = Self { dir };
        writer.dir.create_dir("iterations").map_err(io("create", "iterations".into()))?;
        put_json(&writer.dir, "config.json", config)?;
        Ok(writer)
    }

    /// A handle for reading the same folder.
    pub fn dir(&self) -> Result<Dir, RecordError> {
        self.dir.try_clone().map_err(io("open", "the run folder".into()))
    }

    pub fn summary(&self, summary: &Summary) -> Result<(), RecordError> {
        put_json(&self.dir, "summary.json", summary)
    }

    pub fn cost(&self, cost: &CostFile) -> Result<(), RecordError> {
        put_json(&self.dir, "cost.json", cost)
    }

    /// Writes down which bytes the run's own files and the manifests below have now.
    pub fn seal(&self) -> Result<(), RecordError> {
        let listed = |source| RecordError::Io { action: "list", file: "the run folder".into(), source };
        let mut paths = manifest::files_of(&self.dir).map_err(listed)?;
        let sealed = |folder: &String| self.dir.is_file(format!("{folder}/{}", manifest::NAME));
        let folders = manifest::folders_of(&self.dir).map_err(listed)?;
        paths.extend(
            folders.iter().filter(|folder| sealed(folder)).map(|it| format!("{it}/{}", manifest::NAME)),
        );
        let manifest = Manifest::of(&self.dir, &paths)?;
        put(&self.dir, manifest::NAME, &manifest.bytes()).map_err(io("write", manifest::NAME.into()))
    }

    /// The folder of an iteration, created.
    pub fn iteration(&self, index: u32) -> Result<IterationWriter, RecordError> {
        self.folder(format!("iterations/{index:03}"))
    }

    /// The folder of an iteration's held-out evaluation, created.
    pub fn test(&self, index: u32) -> Result<IterationWriter, RecordError> {
        self.folder(format!("test/{index:03}"))
    }

    fn folder(&self, name: String) -> Result<IterationWriter, RecordError> {
        self.dir.create_dir_all(&name).map_err(io("create", name.clone()))?;
        let dir = self.dir.open_dir(&name).map_err(io("open", name.clone()))?;
        Ok(IterationWriter { dir, name })
    }
}

impl IterationWriter {
    /// Writes a whole file.
    pub fn put(&self, file: &str, bytes: &[u8]) -> Result<(), RecordError> {
        put(&self.dir, file, bytes).map_err(io("write", format!("{}/{file}", self.name)))
    }

    /// Writes down which bytes the folder's files have now. Nothing is written to it afterwards.
    pub fn seal(&self) -> Result<(), RecordError> {
        let listed = |source| RecordError::Io { action: "list", file: self.name.clone(), source };
        let manifest = Manifest::of(&self.dir, &manifest::files_of(&self.dir).map_err(listed)?)?;
        self.put(manifest::NAME, &manifest.bytes())
    }

    pub fn put_json(&self, file: &str, value: &impl Serialize) -> Result<(), RecordError> {
        self.put(file, &json(file, value)?)
    }

    /// Writes a whole JSON Lines file.
    pub fn put_lines<T: Serialize>(&self, file: &str, rows: &[T]) -> Result<(), RecordError> {
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, row).map_err(|error| unserializable(file, &error))?;
            bytes.push(b'\n');
        }
        self.put(file, &bytes)
    }

    /// Puts the lines of a JSON Lines file into the order of a key, which is read from each line.
    pub fn sort_lines<T, K>(&self, file: &str, key: impl Fn(&T) -> K) -> Result<(), RecordError>
    where
        T: serde::de::DeserializeOwned,
        K: Ord,
    {
        let bytes = self.dir.read(file).map_err(io("read", format!("{}/{file}", self.name)))?;
        let mut lines = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let parsed: T = serde_json::from_slice(line).map_err(|error| unserializable(file, &error))?;
            lines.push((key(&parsed), line));
        }
        lines.sort_by(|(left, _), (right, _)| left.cmp(right));
        let sorted: Vec<u8> = lines.into_iter().flat_map(|(_, line)| line).copied().collect();
        if sorted == bytes { Ok(()) } else { self.put(file, &sorted) }
    }

    /// Opens a JSON Lines file for appending.
    pub fn append(&self, file: &str) -> Result<Appender, RecordError> {
        let name = format!("{}/{file}", self.name);
        let options = OpenOptions::new().create(true).append(true).clone();
        let opened = self.dir.open_with(file, &options).map_err(io("open", name.clone()))?;
        Ok(Appender::new(opened, name))
    }
}

/// Run ids become folder names.
pub fn check_run_id(name: &str) -> Result<(), RecordError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('.');
    if fits { Ok(()) } else { Err(RecordError::RunId { name: name.to_owned() }) }
}

fn put_json(dir: &Dir, file: &str, value: &impl Serialize) -> Result<(), RecordError> {
    put(dir, file, &json(file, value)?).map_err(io("write", file.to_owned()))
}

fn json(file: &str, value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| unserializable(file, &error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn unserializable(file: &str, error: &serde_json::Error) -> RecordError {
    RecordError::Damaged { file: file.to_owned(), problem: error.to_string() }
}

/// Written beside, synced, renamed, and the folder synced: whole or not at all, also after a power cut.
fn put(dir: &Dir, file: &str, bytes: &[u8]) -> std::io::Result<()> {
    let beside = format!(".{file}.partial");
    let mut partial = dir.create(&beside)?;
    partial.write_all(bytes)?;
    partial.sync_all()?;
    dir.rename(&beside, dir, file)?;
    dir.open(".")?.sync_all()
}

fn io(action: &'static str, file: String) -> impl Fn(std::io::Error) -> RecordError {
    move |source| RecordError::Io { action, file: file.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_are_plain_names() {
        let table = [
            ("20260101-1200", true),
            ("a.b_c-d", true),
            ("", false),
            (".hidden", false),
            ("..", false),
            ("a/b", false),
            ("a\0b", false),
            ("é", false),
        ];
        for (name, fits) in table {
            assert_eq!(check_run_id(name).is_ok(), fits, "{name:?}");
        }
        assert!(check_run_id(&"x".repeat(65)).is_err());
    }
}
