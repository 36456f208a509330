//! Writes a run folder while the run goes on. A file other than JSON Lines appears whole or not at all.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use cap_std::{ambient_authority, fs::Dir};
use rustix::fs::{RenameFlags, renameat_with};

use super::folder::json;
pub use super::folder::{IterationWriter, io};
use super::{
    RecordError,
    baseline::Baseline,
    format::{Config, CostFile, Frontier, Summary},
    layout, manifest, plain,
};

/// An open run folder, locked: no other process can write to it.
pub struct RunWriter {
    root: IterationWriter,
    /// A lock on the folder itself. The kernel takes it back when the process ends, however it ends.
    _lock: Option<File>,
}

/// The exact bytes of `config.json` for this configuration.
pub fn config_bytes(config: &Config) -> Result<Vec<u8>, RecordError> {
    json(layout::CONFIG, config)
}

/// The content of a new run folder.
pub struct Beginning<'a> {
    /// `config.json`.
    pub config: &'a Config,
    /// `summary.json`, without any iteration.
    pub summary: &'a Summary,
    /// `cost.json`, without any cost.
    pub cost: &'a CostFile,
    /// The baselines: the harnesses of the iterations 000 and on.
    pub baselines: &'a [Baseline],
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
        if parent.symlink_metadata(run_id).is_ok() {
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
        let dir = plain::folder(parent, folder).map_err(io("open", folder.to_owned()))?;
        let lock = Some(lock(&dir, folder)?);
        let writer = Self { root: IterationWriter::new(dir, String::new(), true), _lock: lock };
        writer.first(beginning)?;
        Ok(writer)
    }

    /// Begins a run in an empty scratch folder. It is going to be thrown away, so that nothing is synced and no lock is taken.
    pub fn scratch(folder: &Path, beginning: &Beginning<'_>) -> Result<Self, RecordError> {
        let problem = io("open", folder.display().to_string());
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(problem)?;
        let writer = Self { root: IterationWriter::new(dir, String::new(), false), _lock: None };
        writer.first(beginning)?;
        Ok(writer)
    }

    /// What is there from the first moment on.
    fn first(&self, beginning: &Beginning<'_>) -> Result<(), RecordError> {
        self.config(beginning.config)?;
        self.cost(beginning.cost)?;
        self.summary(beginning.summary)?;
        self.frontier(&Frontier::default())?;
        let name = beginning.config.harness_language.source();
        for (index, baseline) in (0..).zip(beginning.baselines) {
            let folder = self.iteration(index)?;
            match baseline {
                Baseline::Source(source) => folder.put(name, source.as_bytes())?,
                Baseline::Component(bytes) => folder.put(layout::COMPONENT, bytes)?,
            }
        }
        Ok(())
    }

    /// Opens the folder of a run that is to go on.
    pub fn resume(run: &Path) -> Result<Self, RecordError> {
        let no_run = || RecordError::NoRun { path: run.display().to_string() };
        let dir = Dir::open_ambient_dir(run, ambient_authority()).map_err(|_| no_run())?;
        if plain::size(&dir, layout::CONFIG).is_none() {
            return Err(no_run());
        }
        let lock = Some(lock(&dir, &run.display().to_string())?);
        let writer = Self { root: IterationWriter::new(dir, String::new(), true), _lock: lock };
        writer.tidy()?;
        Ok(writer)
    }

    /// Takes away what a crash has left half-written.
    fn tidy(&self) -> Result<(), RecordError> {
        self.root.tidy()?;
        let listed = io("list", "the run folder".into());
        for folder in manifest::folders_of(self.root.dir()).map_err(listed)? {
            self.open(folder)?.tidy()?;
        }
        Ok(())
    }

    /// Removes the run's manifest, because the run goes on.
    pub fn unseal(&self) -> Result<(), RecordError> {
        self.root.unseal()
    }

    /// A handle for reading the same folder.
    pub fn dir(&self) -> Result<Dir, RecordError> {
        self.root.dir().try_clone().map_err(io("open", "the run folder".into()))
    }

    /// Replaces `config.json`.
    pub fn config(&self, config: &Config) -> Result<(), RecordError> {
        self.root.put_json(layout::CONFIG, config)
    }

    /// Replaces `summary.json`.
    pub fn summary(&self, summary: &Summary) -> Result<(), RecordError> {
        self.root.put_json(layout::SUMMARY, summary)
    }

    /// Replaces `frontier.json`.
    pub fn frontier(&self, frontier: &Frontier) -> Result<(), RecordError> {
        self.root.put_json(layout::FRONTIER, frontier)
    }

    /// Replaces `cost.json`.
    pub fn cost(&self, cost: &CostFile) -> Result<(), RecordError> {
        self.root.put_json(layout::COST, cost)
    }

    /// Writes the run's `manifest.json`: the digests of the run's own files and of the manifests below.
    pub fn seal(&self) -> Result<(), RecordError> {
        let folders = manifest::folders_of(self.root.dir()).map_err(io("list", "the run folder".into()))?;
        let manifests = folders.iter().map(|folder| format!("{folder}/{}", manifest::NAME));
        let sealed = manifests.filter(|path| plain::size(self.root.dir(), path).is_some());
        self.root.seal_with(sealed.collect())
    }

    /// Creates and opens the folder of an iteration.
    pub fn iteration(&self, index: u32) -> Result<IterationWriter, RecordError> {
        self.folder(layout::iteration(index))
    }

    /// Creates and opens the folder of an iteration's held-out evaluation.
    pub fn test(&self, index: u32) -> Result<IterationWriter, RecordError> {
        self.folder(layout::held_out(index))
    }

    /// The run's own folder, for its JSON Lines files.
    pub fn root(&self) -> Result<IterationWriter, RecordError> {
        Ok(IterationWriter::new(self.dir()?, String::new(), self.root.is_synced()))
    }

    /// Whoever asks for a folder is going to write to it: it has no manifest until it is sealed.
    fn folder(&self, name: String) -> Result<IterationWriter, RecordError> {
        plain::create_folder(self.root.dir(), &name).map_err(io("create", name.clone()))?;
        let folder = self.open(name)?;
        folder.unseal()?;
        Ok(folder)
    }

    fn open(&self, name: String) -> Result<IterationWriter, RecordError> {
        let dir = plain::folder(self.root.dir(), &name).map_err(io("open", name.clone()))?;
        Ok(IterationWriter::new(dir, name, self.root.is_synced()))
    }
}

/// Run ids become folder names.
pub fn check_run_id(name: &str) -> Result<(), RecordError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('.');
    if fits { Ok(()) } else { Err(RecordError::RunId { name: name.to_owned() }) }
}

/// The exclusive right to a run that nobody writes to: nobody can go on with it as long as this is held.
pub fn hold(run: &Path) -> Result<File, RecordError> {
    let no_run = || RecordError::NoRun { path: run.display().to_string() };
    let dir = Dir::open_ambient_dir(run, ambient_authority()).map_err(|_| no_run())?;
    lock(&dir, &run.display().to_string())
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
