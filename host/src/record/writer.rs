//! Writes a run folder: eagerly, each file whole or not at all.

use std::{
    fs::{File, TryLockError},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use rustix::fs::{RenameFlags, renameat_with};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    RecordError,
    append::Appender,
    format::{Config, CostFile, Summary},
    manifest::{self, Manifest},
    plain,
};

/// An open run folder. Nobody else writes to it meanwhile.
pub struct RunWriter {
    dir: Dir,
    /// A lock on the folder itself. The kernel takes it back when the process ends, however it ends.
    _lock: File,
}

/// An open iteration's folder.
pub struct IterationWriter {
    dir: Dir,
    /// Such as `iterations/003`, for messages. Empty for the run's own folder.
    name: String,
}

/// The file that makes a folder a run.
pub const CONFIG: &str = "config.json";

/// What `config.json` holds for this configuration, to the byte.
pub fn config_bytes(config: &Config) -> Result<Vec<u8>, RecordError> {
    json(CONFIG, config)
}

/// What a run folder holds from its first moment on.
pub struct Beginning<'a> {
    pub config: &'a Config,
    pub summary: &'a Summary,
    pub cost: &'a CostFile,
    /// The source of iteration 000.
    pub baseline: &'a str,
}

impl RunWriter {
    /// Creates the folder of a new run: whole or not at all.
    pub fn create(runs: &Path, beginning: &Beginning<'_>) -> Result<Self, RecordError> {
        let run_id = &beginning.config.run_id;
        check_run_id(run_id)?;
        let folder = runs.display().to_string();
        let problem = |action| io(action, folder.clone());
        let exists = || RecordError::Exists { run_id: run_id.clone(), folder: folder.clone() };
        std::fs::create_dir_all(runs).map_err(problem("create"))?;
        let parent = Dir::open_ambient_dir(runs, ambient_authority()).map_err(problem("open"))?;
        if parent.exists(run_id) {
            return Err(exists());
        }
        let beside = format!(".{run_id}.{}.partial", std::process::id());
        parent.create_dir(&beside).map_err(io("create", format!("{folder}/{run_id}")))?;
        let begun = Self::begin(&parent, &beside, beginning).and_then(|writer| {
            match renameat_with(&parent, &beside, &parent, run_id, RenameFlags::NOREPLACE) {
                Ok(()) => Ok(writer),
                Err(rustix::io::Errno::EXIST) => Err(exists()),
                Err(error) => Err(io("create", format!("{folder}/{run_id}"))(error.into())),
            }
        });
        if begun.is_err() {
            // The first error is what counts.
            let _ = parent.remove_dir_all(&beside);
        }
        begun
    }

    fn begin(parent: &Dir, folder: &str, beginning: &Beginning<'_>) -> Result<Self, RecordError> {
        let dir = parent.open_dir(folder).map_err(io("open", folder.to_owned()))?;
        let writer = Self { _lock: lock(&dir, folder)?, dir };
        writer.config(beginning.config)?;
        writer.cost(beginning.cost)?;
        writer.summary(beginning.summary)?;
        writer.iteration(0)?.put("harness.rs", beginning.baseline.as_bytes())?;
        Ok(writer)
    }

    /// Opens the folder of a run that is to go on.
    pub fn resume(run: &Path) -> Result<Self, RecordError> {
        let no_run = || RecordError::NoRun { path: run.display().to_string() };
        let dir = Dir::open_ambient_dir(run, ambient_authority()).map_err(|_| no_run())?;
        if !dir.is_file("config.json") {
            return Err(no_run());
        }
        let writer = Self { _lock: lock(&dir, &run.display().to_string())?, dir };
        writer.tidy()?;
        Ok(writer)
    }

    /// Takes away what a crash has left half-written.
    fn tidy(&self) -> Result<(), RecordError> {
        let tidied = |source| RecordError::Io { action: "tidy up", file: "the run folder".into(), source };
        remove_partial(&self.dir).map_err(tidied)?;
        for folder in manifest::folders_of(&self.dir).map_err(tidied)? {
            let dir = self.dir.open_dir(&folder).map_err(io("open", folder.clone()))?;
            remove_partial(&dir).map_err(io("tidy up", folder))?;
        }
        Ok(())
    }

    /// Takes the run's manifest away: the run goes on.
    pub fn unseal(&self) -> Result<(), RecordError> {
        unseal(&self.dir, "")
    }

    /// A handle for reading the same folder.
    pub fn dir(&self) -> Result<Dir, RecordError> {
        self.dir.try_clone().map_err(io("open", "the run folder".into()))
    }

    /// Writes what the run is asked to do from now on.
    pub fn config(&self, config: &Config) -> Result<(), RecordError> {
        put_json(&self.dir, CONFIG, config)
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

    /// The run's own folder, for its JSON Lines files.
    pub fn root(&self) -> Result<IterationWriter, RecordError> {
        Ok(IterationWriter { dir: self.dir()?, name: String::new() })
    }

    /// Whoever asks for a folder is going to write to it: it has no manifest until it is sealed.
    fn folder(&self, name: String) -> Result<IterationWriter, RecordError> {
        self.dir.create_dir_all(&name).map_err(io("create", name.clone()))?;
        let dir = self.dir.open_dir(&name).map_err(io("open", name.clone()))?;
        unseal(&dir, &format!("{name}/"))?;
        Ok(IterationWriter { dir, name })
    }
}

impl IterationWriter {
    /// A file's path in the run, for messages.
    fn path(&self, file: &str) -> String {
        if self.name.is_empty() { file.to_owned() } else { format!("{}/{file}", self.name) }
    }

    /// Writes a whole file.
    pub fn put(&self, file: &str, bytes: &[u8]) -> Result<(), RecordError> {
        put(&self.dir, file, bytes).map_err(io("write", self.path(file)))
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
        let bytes = plain::read(&self.dir, file).map_err(io("read", self.path(file)))?;
        let mut lines = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let parsed: T = serde_json::from_slice(line).map_err(|error| unserializable(file, &error))?;
            lines.push((key(&parsed), line));
        }
        lines.sort_by(|(left, _), (right, _)| left.cmp(right));
        let sorted: Vec<u8> = lines.into_iter().flat_map(|(_, line)| line).copied().collect();
        if sorted == bytes { Ok(()) } else { self.put(file, &sorted) }
    }

    /// The rows of a JSON Lines file, or none where there is no such file. A last line that a crash has cut
    /// leaves the file.
    pub fn mend_lines<T: DeserializeOwned>(&self, file: &str) -> Result<Vec<T>, RecordError> {
        let path = self.path(file);
        if !self.dir.is_file(file) {
            return Ok(Vec::new());
        }
        let bytes = plain::read(&self.dir, file).map_err(io("read", path.clone()))?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            let options = OpenOptions::new().write(true).clone();
            let opened = self.dir.open_with(file, &options).map_err(io("open", path.clone()))?;
            let cut = opened.set_len(whole as u64).and_then(|()| opened.sync_all());
            cut.map_err(io("write", path.clone()))?;
        }
        let lines = bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate();
        let row = |(at, line)| {
            serde_json::from_slice(line).map_err(|error| RecordError::Damaged {
                file: path.clone(),
                problem: format!("line {}: {error}", at + 1),
            })
        };
        lines.map(row).collect()
    }

    /// Keeps some lines of a JSON Lines file, as they stand.
    pub fn keep_lines<T: DeserializeOwned>(
        &self,
        file: &str,
        keep: impl Fn(&T) -> bool,
    ) -> Result<(), RecordError> {
        let rows: Vec<T> = self.mend_lines(file)?;
        if rows.iter().all(&keep) {
            return Ok(());
        }
        let bytes = plain::read(&self.dir, file).map_err(io("read", self.path(file)))?;
        let lines = bytes.split_inclusive(|&byte| byte == b'\n').zip(&rows);
        let kept: Vec<u8> = lines.filter(|(_, row)| keep(row)).flat_map(|(line, _)| line).copied().collect();
        self.put(file, &kept)
    }

    /// Opens a JSON Lines file for appending.
    pub fn append(&self, file: &str) -> Result<Appender, RecordError> {
        let name = self.path(file);
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

/// How long a lock is waited for. A child of a process that was killed holds it until it has become the
/// program that it was started for.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// The exclusive right to write to a folder.
fn lock(dir: &Dir, name: &str) -> Result<File, RecordError> {
    let handle = dir.open(".").map_err(io("open", name.to_owned()))?.into_std();
    let begun = Instant::now();
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(handle),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(RecordError::Locked { run: name.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io("lock", name.to_owned())(error)),
        }
    }
}

fn unseal(dir: &Dir, prefix: &str) -> Result<(), RecordError> {
    let removed = match dir.remove_file(manifest::NAME) {
        Ok(()) => dir.open(".").and_then(|folder| folder.sync_all()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(io("remove", format!("{prefix}{}", manifest::NAME)))
}

fn remove_partial(dir: &Dir) -> std::io::Result<()> {
    for entry in dir.entries()? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(".partial")) {
            dir.remove_file(&name)?;
        }
    }
    Ok(())
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
