//! How an evaluation stands while it goes on.

use std::collections::HashMap;

use mmh_record::{
    format::{Cost, TraceRow},
    grade::Grade,
    trial::TrialId,
};

use super::{Evaluator, ExampleSet};
use crate::progress::EvalProgress;

/// The progress of an evaluation, and the trials of examples that still miss one.
pub(super) struct Standing {
    progress: EvalProgress,
    trials: u32,
    open: HashMap<String, Vec<Grade>>,
}

impl Standing {
    /// Of an evaluation of this set before its first example; it will have so many outcomes.
    pub fn new(set: ExampleSet<'_>, total: usize, evaluator: &Evaluator) -> Self {
        let progress = EvalProgress {
            iteration: set.iteration,
            split: set.split.name().to_owned(),
            total,
            objective: evaluator.kind.objective(),
            ..EvalProgress::default()
        };
        Self { progress, trials: set.trials, open: HashMap::new() }
    }

    /// Enters one more outcome. An example counts once all its trials are there.
    pub fn add(&mut self, row: &TraceRow, cost: Cost) -> EvalProgress {
        self.progress.done += 1;
        self.progress.errors += usize::from(row.error.is_some());
        self.progress.cost_usd += cost.estimated_usd;
        if self.trials <= 1 {
            self.progress.tally.add(&row.grade());
            return self.progress.clone();
        }
        let example = TrialId::of(&row.example_id).example;
        let trials = self.open.entry(example.to_owned()).or_default();
        trials.push(row.grade());
        if trials.len() >= self.trials as usize {
            self.progress.tally.add_example(trials.drain(..));
            self.open.remove(example);
        }
        self.progress.clone()
    }
}
