//! The folder that is shown: one run, or all runs in it. Everything is reached through one open handle, so that
//! no name and no link leads out of it.

use std::{ffi::OsStr, path::Path};

use cap_std::{ambient_authority, fs::Dir};
use jiff::Timestamp;
use serde::Serialize;

use super::ViewError;
use crate::html::{
    collect::indices_in,
    data::PageObjective,
    read::{Stamp, stamp},
};
use mmh_record::{
    RecordError,
    format::Summary,
    layout::{self, Place},
    objective::Objective,
    reader::RunReader,
    text,
    writer::check_run_id,
};

/// Most runs of a list, and most entries of the folder that are looked at for them.
const MAX_RUNS: usize = 1000;
const MAX_ENTRIES: usize = 10_000;

/// Largest file that is read for the list: a stranger's may hold anything.
const MAX_LISTED_BYTES: u64 = 64 << 20;

/// What is shown.
pub struct Folder {
    dir: Dir,
    /// The name of the run, where only one is shown.
    only: Option<String>,
    /// The folder that the only run lies in, where that is known.
    parent: Option<Dir>,
}

/// Sizes and times of what was looked at. Two equal ones mean that nothing has changed.
#[derive(PartialEq, Eq, Default)]
pub(crate) struct Look {
    files: Vec<(String, Vec<Stamp>)>,
    /// Whether somebody writes to the run: one that was killed changes in nothing else.
    written: bool,
}

/// A run in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    pub id: String,
    /// Whether the run can be opened here: only a name that could be a run's id leads to one.
    pub opens: bool,
    /// `finished`, why it was stopped, or that it is neither.
    pub state: String,
    /// What is wrong with its files.
    pub problem: Option<String>,
    pub mock: bool,
    pub dataset: Option<String>,
    pub target_model: Option<String>,
    /// What the run's objective compares.
    pub objective: Option<PageObjective>,
    /// The best figure on validation, and the same harness's on the held-out examples.
    pub best: Option<f64>,
    pub test: Option<f64>,
    /// How many iterations are here, of how many that were asked for, the baseline among them.
    pub iterations: Option<usize>,
    pub asked: u32,
    pub usd: Option<f64>,
    pub started_at: Option<Timestamp>,
}

impl Folder {
    /// Opens a run, or a folder of runs.
    pub fn open(path: &Path) -> Result<Self, ViewError> {
        let no_folder = || ViewError::NoFolder { path: text::path(path) };
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|_| no_folder())?;
        let only = dir.is_file(layout::CONFIG).then(|| {
            let absolute = std::path::absolute(path).ok();
            let name = absolute.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
            name.filter(|name| check_run_id(name).is_ok())
                .map_or_else(|| "run".to_owned(), |name| name.into_owned())
        });
        // By its true name: what lies beside a link to a run is not beside the run.
        let found = only.as_ref().and_then(|_| path.canonicalize().ok());
        let parent = found.filter(|path| {
            path.file_name().is_some_and(|name| Some(name) == only.as_deref().map(OsStr::new))
        });
        let parent = parent.and_then(|path| Dir::open_ambient_dir(path.parent()?, ambient_authority()).ok());
        Ok(Self { dir, only, parent })
    }

    /// The folder beside which a run lies, for what is kept beside it.
    pub(crate) fn beside(&self, id: &str) -> Option<Dir> {
        self.run(id)?;
        match &self.only {
            Some(_) => self.parent.as_ref()?.try_clone().ok(),
            None => self.dir.try_clone().ok(),
        }
    }

    /// The name of the run, where only one is shown.
    pub(crate) fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// A run by its name.
    pub(crate) fn run(&self, id: &str) -> Option<RunReader> {
        check_run_id(id).ok()?;
        let dir = match &self.only {
            Some(only) if only == id => self.dir.try_clone().ok()?,
            Some(_) => return None,
            None => self.dir.open_dir(id).ok()?,
        };
        let reader = RunReader::new(dir);
        reader.has(layout::CONFIG).then_some(reader)
    }

    /// The names of all runs, the latest first.
    fn names(&self) -> Vec<String> {
        if let Some(only) = &self.only {
            return vec![only.clone()];
        }
        let mut names: Vec<String> =
            self.entries().into_iter().filter(|name| self.run(name).is_some()).take(MAX_RUNS).collect();
        names.sort();
        names.reverse();
        names
    }

    /// What stands in the folder, by name.
    fn entries(&self) -> Vec<String> {
        let Ok(entries) = self.dir.entries() else { return Vec::new() };
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
        names.take(MAX_ENTRIES).collect()
    }

    /// Folders that hold a run, such as a file manager's `first (copy)`, but have a name that is no run's id.
    fn odd_names(&self) -> Vec<String> {
        let mut odd = if self.only.is_some() { Vec::new() } else { self.entries() };
        // What begins with a dot is hidden on purpose, or is a run that is being made.
        let is_odd = |name: &String| {
            check_run_id(name).is_err()
                && !name.starts_with('.')
                && self.dir.is_file(layout::file(name, layout::CONFIG))
        };
        odd.retain(is_odd);
        odd.truncate(MAX_RUNS);
        odd.sort();
        odd
    }

    /// All runs, the latest first, and then the folders that cannot be opened here.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let mut list: Vec<Listed> =
            self.names().into_iter().filter_map(|name| Some(listed(&self.run(&name)?, name))).collect();
        list.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        list.extend(self.odd_names().into_iter().map(|name| Listed {
            opens: false,
            problem: Some("left out: its name is no run id, which has letters, digits, '.', '_' and '-' only; rename the folder".into()),
            ..Listed::named(text::name(&name))
        }));
        list
    }

    /// How the list of runs stands.
    pub(crate) fn look(&self) -> Look {
        let of = |name: String| {
            let stamps = self.run(&name).map(|run| top(&run)).unwrap_or_default();
            (name, stamps)
        };
        let odd = self.odd_names().into_iter().map(|name| (name, Vec::new()));
        Look { files: self.names().into_iter().map(of).chain(odd).collect(), written: false }
    }

    /// How a run stands.
    pub(crate) fn look_at(&self, id: &str) -> Look {
        let Some(run) = self.run(id) else { return Look::default() };
        let mut files = vec![(String::new(), top(&run))];
        let iterations = indices_in(&run, Place::Iteration).into_iter().map(layout::iteration);
        let held_out = indices_in(&run, Place::HeldOut).into_iter().map(layout::held_out);
        for folder in iterations.chain(held_out) {
            let stamps = stamp(&run, &folder);
            files.push((folder, stamps));
        }
        Look { files, written: run.is_being_written() }
    }
}

fn top(run: &RunReader) -> Vec<Stamp> {
    [layout::CONFIG, layout::SUMMARY, layout::COST].iter().map(|file| run.stamp(file)).collect()
}

impl Listed {
    /// A run of which nothing is known but its name.
    fn named(id: String) -> Self {
        Self {
            id,
            opens: true,
            state: "begun".into(),
            problem: None,
            mock: false,
            dataset: None,
            target_model: None,
            objective: None,
            best: None,
            test: None,
            iterations: None,
            asked: 0,
            usd: None,
            started_at: None,
        }
    }

    fn summarized(&mut self, summary: &Summary) {
        let best = summary.iterations.iter().find(|it| Some(it.index) == summary.best_iteration_index);
        let objective = Objective::of(&summary.config);
        self.objective = Some(PageObjective::of(objective));
        self.best = best.map(|it| objective.value(&it.score));
        let test = summary.test.iter().find(|it| Some(it.index) == summary.best_iteration_index);
        self.test = test.map(|it| objective.value(&it.score));
        self.iterations = Some(summary.iterations.len() + summary.unscored.len());
        self.usd = Some(summary.total_cost.estimated_usd);
        self.state = match (&summary.finished_at, &summary.stopped) {
            (_, Some(stopped)) => format!("stopped: {}", stopped.status),
            (Some(_), None) => "finished".into(),
            (None, None) => "under way, or cut off".into(),
        };
    }
}

fn listed(run: &RunReader, id: String) -> Listed {
    let mut listed = Listed::named(id);
    match read(run, layout::CONFIG, RunReader::config) {
        Err(problem) => listed.problem = Some(problem),
        Ok(config) => {
            listed.mock = config.mock;
            listed.dataset = Some(config.dataset);
            listed.target_model = Some(config.target_model);
            listed.asked = config.iterations.saturating_add(1);
            listed.started_at = Some(config.started_at);
        }
    }
    match read(run, layout::SUMMARY, RunReader::summary) {
        // What is wrong with the configuration comes first.
        Err(problem) => listed.problem = listed.problem.or(Some(problem)),
        Ok(summary) => listed.summarized(&summary),
    }
    listed
}

/// Reads a file that every run has from its first moment on, or says what is wrong with it.
fn read<T>(
    run: &RunReader,
    file: &str,
    read: impl Fn(&RunReader) -> Result<T, RecordError>,
) -> Result<T, String> {
    let size = run.dir().metadata(file).map_or(0, |found| found.len());
    if size > MAX_LISTED_BYTES {
        let (size, limit) = (text::bytes(size), text::bytes(MAX_LISTED_BYTES));
        return Err(format!("{file} has {size}, and the list reads {limit} at most"));
    }
    read(run).map_err(|problem| text::name(&problem.to_string()))
}
