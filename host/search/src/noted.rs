//! What is known and what is noticed while a search is made again from a record: how the record ends, what is
//! missing here, findings, and what was taken over as it stands.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mmh_models::cancel::Stop;
use mmh_record::manifest::Finding;

/// What cannot be derived here, because something is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The data set: nothing can be learned again, and rows and gold labels are taken as they stand.
    pub dataset: bool,
    /// The compiler, or another tool of the run: what was compiled is taken as it stands.
    pub tools: bool,
}

/// How a recorded run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Stopped(Stop),
    /// It goes on, or it was killed.
    #[default]
    Open,
}

/// What is noticed while a search is made again. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

/// What was noticed.
#[derive(Default)]
pub struct Noted {
    pub findings: Vec<Finding>,
    /// Examples and batches of which nothing can be derived, by folder and id: they were noted.
    pub skipped: HashSet<(String, String)>,
    /// Outcomes of the wall clock, which were taken as they stand.
    pub timed_out: u64,
    /// Tool results that were taken as they stand: they depend on the machine, or on what is missing.
    pub tool_results: u64,
}

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, finding: Finding) {
        self.noted().findings.push(finding);
    }

    /// Nothing of this example is compared.
    pub fn skip(&self, folder: &str, id: &str) {
        self.noted().skipped.insert((folder.to_owned(), id.to_owned()));
    }

    pub fn timed_out(&self) {
        self.noted().timed_out += 1;
    }

    pub fn tool_result(&self) {
        self.noted().tool_results += 1;
    }

    /// Everything, once.
    pub fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted())
    }
}
