//! What is kept of an example once its row is on record. Scores and statements need no more, and the rows of a large
//! evaluation do not fit into memory.

use std::collections::BTreeMap;

use mmh_record::{
    format::{Cost, ScorerTrace, TraceRow},
    grade::Grade,
    outcome::OutcomeKind,
};

/// An example's outcome without its texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The example's id.
    pub example_id: String,
    /// What the answer is worth.
    pub grade: Grade,
    /// How the task's own scorer graded it, without its texts. None where there is no scorer or no answer.
    pub scorer: Option<ScorerTrace>,
    /// How the call into the harness ended.
    pub kind: OutcomeKind,
    /// Whether there is an error in place of an answer.
    pub is_error: bool,
    /// Wall clock in milliseconds.
    pub latency_ms: f64,
    /// Input tokens of all model calls.
    pub input_tokens: u64,
    /// Output tokens of all model calls.
    pub output_tokens: u64,
    /// Fuel that the call used.
    pub fuel: u64,
    /// The most memory that the harness had.
    pub peak_memory_bytes: u64,
    /// The number of model calls.
    pub model_calls: u32,
    /// Model calls whose tokens the provider did not tell.
    pub estimated_calls: u32,
    /// The text of all prompts, in bytes.
    pub prompt_bytes: u64,
}

impl Outcome {
    /// The outcome in this row.
    pub fn of(row: &TraceRow) -> Self {
        Self {
            example_id: row.example_id.clone(),
            grade: row.grade(),
            scorer: row.scorer.as_ref().map(without_texts),
            kind: row.error_kind,
            is_error: row.error.is_some(),
            latency_ms: row.latency_ms,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            fuel: row.fuel,
            peak_memory_bytes: row.peak_memory_bytes,
            model_calls: row.model_calls,
            estimated_calls: row.estimated_calls,
            prompt_bytes: row.prompt_bytes,
        }
    }
}

/// What totals need of a grading.
fn without_texts(trace: &ScorerTrace) -> ScorerTrace {
    let (error, logs, stdout, stderr) = (None, Vec::new(), String::new(), String::new());
    ScorerTrace { error, logs, stdout, stderr, ..*trace }
}

/// What examples come to, put into their order while they are evaluated in any order. Only what is ahead of a missing
/// example waits: as a rule, no more than run at once.
pub(super) struct InOrder<R> {
    /// What is kept of the examples, in their order.
    pub rows: Vec<R>,
    /// The cost of all examples, added up in their order, because sums of fractions depend on it.
    pub cost: Cost,
    /// The number of examples, those without an outcome included.
    pub count: usize,
    /// The place of the next example.
    next: usize,
    waiting: BTreeMap<usize, (Option<R>, Cost)>,
}

impl<R> Default for InOrder<R> {
    fn default() -> Self {
        let (rows, waiting) = (Vec::new(), BTreeMap::new());
        Self { rows, cost: Cost::default(), count: 0, next: 0, waiting }
    }
}

impl<R> InOrder<R> {
    /// Takes the example at this place. Each place is taken once.
    pub fn push(&mut self, at: usize, row: Option<R>, cost: Cost) {
        self.waiting.insert(at, (row, cost));
        while let Some((row, cost)) = self.waiting.remove(&self.next) {
            self.enter(row, cost);
            self.next += 1;
        }
    }

    /// All of it, when nothing more comes: places that are missing are passed over.
    pub fn whole(mut self) -> Self {
        for (row, cost) in std::mem::take(&mut self.waiting).into_values() {
            self.enter(row, cost);
        }
        self
    }

    fn enter(&mut self, row: Option<R>, cost: Cost) {
        self.rows.extend(row);
        self.cost += cost;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_put_into_order() {
        // name, places in the order of completion, those without an outcome, rows in the end
        let table = [
            ("in order", vec![0, 1, 2], vec![], vec![0, 1, 2]),
            ("in any order", vec![3, 1, 0, 2], vec![], vec![0, 1, 2, 3]),
            ("some are missing", vec![5, 3, 0], vec![], vec![0, 3, 5]),
            ("some have no outcome", vec![2, 1, 0], vec![1], vec![0, 2]),
        ];
        for (name, places, without, expected) in table {
            let mut done = InOrder::default();
            for at in &places {
                let row = (!without.contains(at)).then_some(*at);
                done.push(*at, row, Cost { target_input_tokens: 1, ..Cost::default() });
            }
            let whole = done.whole();
            assert_eq!(whole.rows, expected, "{name}");
            assert_eq!((whole.count, whole.cost.target_input_tokens), (places.len(), places.len() as u64));
        }
    }
}
