//! What a recorded evaluation needs to be run again, with the recorded replies in place of the model.

use std::sync::Arc;

use crate::{dataset::Example, evaluate::recorded_replies::Calls};
use mmh_engine::sandbox::{Prepared, Sandbox, Task};
use mmh_record::{format::TraceRow, outcome::OutcomeKind};

/// A harness and what is on record of it. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    pub sandbox: Arc<Sandbox>,
    pub harness: Arc<Prepared>,
    pub task: Arc<Task>,
    pub seed: u64,
    /// The target model's id.
    pub model: String,
    /// What one example or one batch may take in the record.
    pub record_bytes: u64,
    /// Recorded calls by example or batch.
    pub calls: Calls,
}

/// A recorded example, and how long it took.
pub fn example_of(row: &TraceRow) -> (Example, f64) {
    let (id, input, label) = (row.example_id.clone(), row.input.clone(), row.gold_label.clone());
    (Example { id, input, label }, row.latency_ms)
}

/// Whether an outcome depends on nothing but what is recorded.
pub fn is_replayable(row: &TraceRow) -> bool {
    row.error_kind != OutcomeKind::Timeout
}
