//! What is on record of an evaluation that was begun before, so that it goes on where it stopped.

use std::collections::{HashMap, HashSet};

use super::{
    answers::{Calls, by_example},
    sink::{BATCHES, CALLS, TRACES},
};
use crate::{
    model::{CallError, ModelError},
    record::{
        RecordError,
        format::{CallRow, LearnRow, TraceRow},
        writer::IterationWriter,
    },
};

/// Outcomes and answers that are there already. Empty for an evaluation that begins.
#[derive(Default)]
pub struct Past {
    pub batches: Vec<LearnRow>,
    pub rows: HashMap<String, TraceRow>,
    pub calls: Calls,
}

/// What an earlier attempt of the run got instead of replies, and what is therefore asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Calls that were refused because the run was being stopped.
    Refused,
    /// Also all others that got no reply: the run was stopped because the model answered nobody, and some
    /// may have been refused for that before it was known.
    Unanswered,
}

impl Retry {
    /// Whether a recorded call is made again.
    pub fn wants(self, row: &CallRow) -> bool {
        match &row.failure {
            Some(CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_))) => true,
            Some(CallError::Model(_)) => self == Self::Unanswered,
            None => false,
        }
    }
}

impl Past {
    /// Reads what a folder holds. Outcomes of calls that are to be made again leave it, and so do lines
    /// that a crash has cut.
    pub fn of(folder: &IterationWriter, retry: Retry) -> Result<Self, RecordError> {
        let mut calls: Vec<CallRow> = folder.mend_lines(CALLS)?;
        let again: HashSet<String> =
            calls.iter().filter(|row| retry.wants(row)).map(|row| row.example_id.clone()).collect();
        if !again.is_empty() {
            // Outcomes first: an outcome says that its calls are there.
            folder.keep_lines(TRACES, |row: &TraceRow| !again.contains(&row.example_id))?;
            folder.keep_lines(BATCHES, |row: &LearnRow| !again.contains(&super::batch_id(row.batch)))?;
            folder.keep_lines(CALLS, |row: &CallRow| !retry.wants(row))?;
            calls.retain(|row| !retry.wants(row));
        }
        let rows: Vec<TraceRow> = folder.mend_lines(TRACES)?;
        Ok(Self {
            batches: folder.mend_lines(BATCHES)?,
            rows: rows.into_iter().map(|row| (row.example_id.clone(), row)).collect(),
            calls: by_example(calls),
        })
    }
}
