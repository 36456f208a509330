//! What is known and noticed while a search is repeated from a record: how the record ends, what is missing on this
//! machine, findings, and what was taken over without a check.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mmh_models::cancel::Stop;
use mmh_record::manifest::Finding;

/// What cannot be derived on this machine, because something is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The data set: learning cannot be repeated, and rows and gold labels are taken from the record without a check.
    pub dataset: bool,
    /// The compiler, or another tool of the run: components are taken from the record without a check.
    pub tools: bool,
}

/// How a recorded run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Finished,
    /// It was stopped.
    Stopped(Stop),
    /// It is still running, or it was killed.
    #[default]
    Open,
}

/// Notes about a search that is repeated. Cheap to clone; clones share the notes.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

/// The notes.
#[derive(Default)]
pub struct Noted {
    /// What is wrong with the record.
    pub findings: Vec<Finding>,
    /// Examples and batches that cannot be derived, by folder and id. Each has a finding already.
    pub skipped: HashSet<(String, String)>,
    /// Number of outcomes of the wall clock, which were taken over.
    pub timed_out: u64,
    /// Number of tool results that were taken over, because they depend on the machine or on something missing.
    pub tool_results: u64,
}

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a finding.
    pub fn add(&self, finding: Finding) {
        self.noted().findings.push(finding);
    }

    /// Excludes an example or batch from the comparison.
    pub fn skip(&self, folder: &str, id: &str) {
        self.noted().skipped.insert((folder.to_owned(), id.to_owned()));
    }

    /// Counts an outcome of the wall clock.
    pub fn timed_out(&self) {
        self.noted().timed_out += 1;
    }

    /// Counts a tool result that was taken over.
    pub fn tool_result(&self) {
        self.noted().tool_results += 1;
    }

    /// Takes all notes.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted())
    }
}
