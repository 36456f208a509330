//! The parts of a recorded evaluation that are needed to run it again.

use std::sync::Arc;

use crate::{
    dataset::Example,
    dataset::task::TaskKind,
    evaluate::{Lessons, recorded_replies::Calls},
};
use mmh_engine::{build::Built, runner::Runner, sandbox::Task};
use mmh_record::{format::TraceRow, input::Input, outcome::OutcomeKind};

/// A harness and its recorded calls. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    /// Runs the calls, with the run's limits.
    pub runner: Arc<dyn Runner>,
    /// The recorded harness or another one.
    pub harness: Built,
    /// What kind of task the run has.
    pub kind: Arc<dyn TaskKind>,
    /// The run's task.
    pub task: Arc<Task>,
    /// The run's seed.
    pub seed: u64,
    /// The target model's id.
    pub model: String,
    /// How harnesses learn.
    pub lessons: Lessons,
    /// Most bytes of one example or one portion of a batch in the record.
    pub record_bytes: u64,
    /// Recorded calls by example or batch.
    pub calls: Calls,
    /// Recorded calls of the task's own scorer by example.
    pub scorer_calls: Calls,
}

/// The example of an outcome, and how long the call took, in ms.
pub fn example_of(row: &TraceRow) -> (Example, f64) {
    let input = Input { text: row.input.clone(), fields: row.fields.clone() };
    (Example::new(&row.example_id, input, &row.gold_label), row.latency_ms)
}

/// Whether an outcome follows from the record. Outcomes of the wall clock do not.
pub fn is_replayable(row: &TraceRow) -> bool {
    let grading = row.scorer.as_ref().map(|trace| trace.error_kind);
    row.error_kind != OutcomeKind::Timeout && grading != Some(OutcomeKind::Timeout)
}
