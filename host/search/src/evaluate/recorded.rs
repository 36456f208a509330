//! The record of an evaluation, so that a resumed evaluation continues where it stopped.

use std::collections::HashSet;

use super::{
    Lessons,
    again::Again,
    recorded_cost,
    recorded_replies::{Calls, Sketch, Stored},
    replay::Replay,
    sink::{BATCHES, CALLS, PREDICTIONS, SCORER_CALLS, TRACES},
};
use mmh_record::{
    RecordError,
    chat::{CallError, ModelError},
    format::{Config, Cost, LearnRow, TraceRow},
    layout::Place,
    outcome::OutcomeKind,
    writer::IterationWriter,
};

/// The most outcomes that are made although the record does not have them.
const MAX_MISSED: usize = 100_000;

/// The recorded outcomes and calls. Empty for a new evaluation.
#[derive(Clone, Default)]
pub struct RecordedEvaluation {
    /// Outcomes of `learn`, in the order of the batches.
    pub batches: Vec<LearnRow>,
    /// Outcomes of examples, by id.
    pub rows: Stored<TraceRow>,
    /// Outcomes of train examples that were predicted while learning, by id.
    pub predictions: Stored<TraceRow>,
    /// Model calls, by example or batch.
    pub calls: Calls,
    /// Model calls of the task's own scorer, by example.
    pub scorer_calls: Calls,
    /// What is done with the record.
    pub purpose: Purpose,
}

/// What is done with the record of an evaluation.
#[derive(Clone, Default)]
pub enum Purpose {
    /// It is continued: what it has is taken from it, and the target is asked for the rest.
    #[default]
    Continue,
    /// It is repeated from the claims of the record, and written anew.
    Repeat(Again),
    /// Another harness may answer the examples. Its calls are answered from the record, wherever they are there.
    Replay(Replay),
}

/// Which recorded calls without a reply are made again when a run is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Calls that were refused because the run was being stopped.
    Refused,
    /// All calls without a reply. The run was stopped because the model answered no call, and some may have failed
    /// for that before it was known.
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

/// What to do about an example or a batch.
pub enum Step<T> {
    /// Run it. If it is run again, here is its recorded outcome.
    Run(Option<T>),
    /// Take its outcome from the record.
    Take(T),
    /// End here, because the record ends before it.
    End,
}

impl RecordedEvaluation {
    /// Reads a folder's record. Calls that are to be made again are removed from its files with their outcomes, and so
    /// are lines that a crash has cut.
    pub fn of(folder: &IterationWriter, retry: Retry) -> Result<Self, RecordError> {
        let mut again: HashSet<String> = HashSet::new();
        for file in [CALLS, SCORER_CALLS] {
            folder.each_line(file, |row: Sketch| {
                if retry.wants(row.failure.as_ref()) {
                    again.insert(row.example_id);
                }
            })?;
        }
        if !again.is_empty() {
            // Outcomes first, because an outcome means that its calls are complete.
            folder.keep_lines(TRACES, |row: &TraceRow| !again.contains(&row.example_id))?;
            folder.keep_lines(PREDICTIONS, |row: &TraceRow| !again.contains(&row.example_id))?;
            folder.keep_lines(BATCHES, |row: &LearnRow| !again.contains(&super::batch_id(row.batch)))?;
            for file in [CALLS, SCORER_CALLS] {
                folder.keep_lines(file, |row: &Sketch| !retry.wants(row.failure.as_ref()))?;
            }
        }
        Ok(Self {
            batches: folder.mend_lines(BATCHES)?,
            rows: folder.stored(TRACES)?,
            predictions: folder.stored(PREDICTIONS)?,
            calls: folder.stored(CALLS)?,
            scorer_calls: folder.stored(SCORER_CALLS)?,
            purpose: Purpose::Continue,
        })
    }

    /// Whether the record of an evaluation misses so few outcomes that they can be made without it. A stranger's
    /// configuration may ask for any number of trials and of passes.
    pub fn misses_few(&self, config: &Config, place: Place) -> bool {
        let (task, protocol, lessons) = (&config.task, &config.protocol, Lessons::of(config));
        let examples = if place == Place::HeldOut { task.test_size } else { config.eval_split_size };
        let missing = |all: usize, there: usize| all.saturating_sub(there);
        let mut missed = missing(examples.saturating_mul(protocol.trials as usize), self.rows.count());
        if place == Place::Iteration {
            missed = missed.saturating_add(missing(lessons.batches_of(task.train_size), self.batches.len()));
        }
        if place == Place::Iteration && lessons.are_online() {
            let predictions = task.train_size.saturating_mul(lessons.passes());
            missed = missed.saturating_add(missing(predictions, self.predictions.count()));
        }
        missed <= MAX_MISSED
    }

    /// Whether calls in this folder's record were refused because the run was stopped.
    pub fn was_refused(folder: &IterationWriter) -> Result<bool, RecordError> {
        let mut refused = false;
        for file in [CALLS, SCORER_CALLS] {
            folder.each_line(file, |row: Sketch| refused |= Retry::Refused.wants(row.failure.as_ref()))?;
        }
        Ok(refused)
    }

    /// What the recorded calls of an example cost: those of the harness, then those of the scorer.
    pub fn cost_of_example(&self, id: &str) -> Result<Cost, RecordError> {
        let mut cost = recorded_cost(&*self.calls.get(id)?);
        cost += recorded_cost(&*self.scorer_calls.get(id)?);
        Ok(cost)
    }

    /// What all recorded calls cost.
    pub fn cost_of_all(&self) -> Result<Cost, RecordError> {
        let mut cost = Cost::default();
        for calls in [&self.calls, &self.scorer_calls] {
            for id in calls.ids() {
                cost += recorded_cost(&*calls.get(&id)?);
            }
        }
        Ok(cost)
    }

    /// The claims from which the evaluation is repeated.
    pub fn again(&self) -> Option<&Again> {
        match &self.purpose {
            Purpose::Repeat(again) => Some(again),
            Purpose::Continue | Purpose::Replay(_) => None,
        }
    }

    /// Whether the evaluation is repeated, and its harness took too long by the record.
    pub fn is_timed_out(&self) -> bool {
        self.again().is_some_and(|again| again.timed_out.is_some())
    }

    /// What to do about a batch. A failed one is taken from the record; others are repeated, because their states are not
    /// kept.
    pub fn batch(&self, batch: usize) -> Step<LearnRow> {
        let recorded = self.batches.get(batch).cloned();
        match self.again() {
            None => match recorded {
                Some(row) if row.error.is_some() => Step::Take(row),
                recorded => Step::Run(recorded),
            },
            Some(again) => again.step(recorded, |row| row.error_kind),
        }
    }

    /// What to do about an example. A recorded one is not run again.
    pub fn example(&self, id: &str) -> Result<Step<TraceRow>, RecordError> {
        let recorded = self.rows.get(id)?.last().cloned();
        Ok(match self.again() {
            None => recorded.map_or(Step::Run(None), Step::Take),
            Some(again) => again.step(recorded, |row| row.error_kind),
        })
    }
}

impl Again {
    /// Everything is repeated, except for outcomes of the wall clock, which cannot be.
    fn step<T>(&self, recorded: Option<T>, kind: impl Fn(&T) -> OutcomeKind) -> Step<T> {
        match recorded {
            Some(row) if kind(&row) == OutcomeKind::Timeout => Step::Take(row),
            None if !self.whole => Step::End,
            recorded => Step::Run(recorded),
        }
    }
}
