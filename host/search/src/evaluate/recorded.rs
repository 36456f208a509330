//! What is on record of an evaluation that was begun before, so that it goes on where it stopped.

use std::collections::HashSet;

use super::{
    again::Again,
    recorded_replies::{Calls, Sketch, Stored},
    replay::Replay,
    sink::{BATCHES, CALLS, TRACES},
};
use mmh_record::{
    RecordError,
    chat::{CallError, ModelError},
    format::{LearnRow, TraceRow},
    outcome::OutcomeKind,
    writer::IterationWriter,
};

/// Outcomes and answers that are there already. Empty for an evaluation that begins.
#[derive(Default)]
pub struct RecordedEvaluation {
    pub batches: Vec<LearnRow>,
    pub rows: Stored<TraceRow>,
    pub calls: Calls,
    /// The evaluation is made again from what this record claims, and written down anew.
    pub again: Option<Again>,
    /// The harness may be another one: its calls are answered from `calls` wherever they stand there.
    pub replay: Option<Replay>,
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
    pub fn wants(self, failure: Option<&CallError>) -> bool {
        match failure {
            Some(CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_))) => true,
            Some(CallError::Model(_)) => self == Self::Unanswered,
            None => false,
        }
    }
}

/// What is done about an example or a batch.
pub enum Step<T> {
    /// It is run. With what is on record of it, where it is run again.
    Run(Option<T>),
    /// Its outcome is taken from the record.
    Take(T),
    /// The record ends before it.
    End,
}

impl RecordedEvaluation {
    /// Reads what a folder holds. Outcomes of calls that are to be made again leave it, and so do lines
    /// that a crash has cut.
    pub fn of(folder: &IterationWriter, retry: Retry) -> Result<Self, RecordError> {
        let mut again: HashSet<String> = HashSet::new();
        folder.each_line(CALLS, |row: Sketch| {
            if retry.wants(row.failure.as_ref()) {
                again.insert(row.example_id);
            }
        })?;
        if !again.is_empty() {
            // Outcomes first: an outcome says that its calls are there.
            folder.keep_lines(TRACES, |row: &TraceRow| !again.contains(&row.example_id))?;
            folder.keep_lines(BATCHES, |row: &LearnRow| !again.contains(&super::batch_id(row.batch)))?;
            folder.keep_lines(CALLS, |row: &Sketch| !retry.wants(row.failure.as_ref()))?;
        }
        Ok(Self {
            batches: folder.mend_lines(BATCHES)?,
            rows: folder.stored(TRACES)?,
            calls: folder.stored(CALLS)?,
            again: None,
            replay: None,
        })
    }

    /// Whether an evaluation that is made again says that its harness took too long.
    pub fn is_timed_out(&self) -> bool {
        self.again.as_ref().is_some_and(|again| again.timed_out.is_some())
    }

    /// A batch that failed is not repeated; others are, since what they give is not kept by itself.
    pub fn batch(&self, batch: usize) -> Step<LearnRow> {
        let recorded = self.batches.get(batch).cloned();
        match &self.again {
            None => match recorded {
                Some(row) if row.error.is_some() => Step::Take(row),
                recorded => Step::Run(recorded),
            },
            Some(again) => again.step(recorded, |row| row.error_kind),
        }
    }

    /// An example that is on record is not repeated.
    pub fn example(&self, id: &str) -> Result<Step<TraceRow>, RecordError> {
        let recorded = self.rows.get(id)?.last().cloned();
        Ok(match &self.again {
            None => recorded.map_or(Step::Run(None), Step::Take),
            Some(again) => again.step(recorded, |row| row.error_kind),
        })
    }
}

impl Again {
    /// Everything is made again but for what ended by the wall clock, which cannot be.
    fn step<T>(&self, recorded: Option<T>, kind: impl Fn(&T) -> OutcomeKind) -> Step<T> {
        match recorded {
            Some(row) if kind(&row) == OutcomeKind::Timeout => Step::Take(row),
            None if !self.whole => Step::End,
            recorded => Step::Run(recorded),
        }
    }
}
