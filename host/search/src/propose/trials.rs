//! Model calls of the proposer's trials. They are on record like all others, so that a trial that was interrupted does not
//! pay twice for a reply.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::dataset::Example;
use crate::evaluate::{
    Purpose, RecordedEvaluation, Retry, Sink,
    again::Again,
    call_row, recorded_cost,
    recorded_replies::{Calls, Sketch},
    sink::RowPlace,
};
use mmh_record::{
    RecordError,
    append::Appender,
    format::{CallRow, Cost, LearnRow, TraceRow},
    layout,
    writer::IterationWriter,
};

/// The file of trials' model calls.
pub const TRIALS: &str = layout::TRIALS;

/// An iteration's trials. Each is named by the turn and the place of its tool call: `trial-07-0`.
pub struct Trials {
    calls: Arc<Appender>,
    /// Recorded calls: of a turn that was not completed, or of trials that are repeated.
    past: Calls,
    again: Option<Again>,
    /// What the trials cost so far.
    pub cost: Cost,
    /// Bytes of the recorded calls, without parts that depend on time and place.
    bytes: Arc<AtomicU64>,
}

/// What a proposer is shown of a trial besides its outcomes: some examples in full, and what `learn` did.
#[derive(Default)]
pub struct Shown {
    /// The examples, in their order.
    ids: Vec<String>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    rows: HashMap<String, TraceRow>,
    /// By example and place.
    calls: BTreeMap<(String, u32), CallRow>,
    batches: Vec<LearnRow>,
}

impl Shown {
    /// Shows these examples.
    pub fn of(examples: &[Example]) -> Self {
        let ids = examples.iter().map(|example| example.id.clone()).collect();
        Self { ids, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes calls over that were made before an interruption, and are not made again.
    pub fn take_over(&self, past: &RecordedEvaluation) -> Result<(), RecordError> {
        if past.again().is_none() {
            for id in &self.ids {
                past.calls.get(id)?.iter().for_each(|row| self.keep(id, row));
            }
        }
        Ok(())
    }

    fn keep(&self, id: &str, row: &CallRow) {
        self.seen().calls.insert((id.to_owned(), row.call), row.clone());
    }

    fn call(&self, row: &CallRow) {
        if self.ids.contains(&row.example_id) {
            self.keep(&row.example_id, row);
        }
    }

    fn row(&self, row: &TraceRow) {
        if self.ids.contains(&row.example_id) {
            self.seen().rows.insert(row.example_id.clone(), row.clone());
        }
    }

    fn batch(&self, row: &LearnRow) {
        if !self.ids.is_empty() {
            self.seen().batches.push(row.clone());
        }
    }

    /// What `learn` did, batch by batch.
    pub fn batches(&self) -> Vec<LearnRow> {
        self.seen().batches.clone()
    }

    /// The examples that are shown, each with its calls.
    pub fn examples(&self) -> Vec<(TraceRow, Vec<CallRow>)> {
        let seen = self.seen();
        let rows = self.ids.iter().filter_map(|id| seen.rows.get(id));
        let calls = |id: &String| {
            let of_id = (id.clone(), 0)..=(id.clone(), u32::MAX);
            seen.calls.range(of_id).map(|(_, call)| call.clone()).collect()
        };
        rows.map(|row| (row.clone(), calls(&row.example_id))).collect()
    }
}

/// What stands before the id of an example whose answer a call graded.
const SCORER: &str = "scorer";

/// A trial's name: the turn, and the number of its tool call.
pub fn trial_name(step: u32, at: usize) -> String {
    format!("trial-{step:02}-{at}")
}

impl Trials {
    /// Opens the record of an iteration whose first `answered` turns are complete.
    pub fn resume(folder: &IterationWriter, answered: u32, retry: Retry) -> Result<Self, RecordError> {
        folder.keep_lines(TRIALS, |row: &Sketch| !retry.wants(row.failure.as_ref()))?;
        let past: Calls = folder.stored(TRIALS)?;
        let (mut cost, mut bytes) = (Cost::default(), 0);
        for id in past.ids().iter().filter(|id| step_of(id) <= answered) {
            let rows = past.get(id)?;
            cost += recorded_cost(&*rows);
            bytes += rows.iter().map(size).sum::<u64>();
        }
        let (calls, bytes) = (Arc::new(folder.append(TRIALS)?), Arc::new(AtomicU64::new(bytes)));
        Ok(Self { calls, past, again: None, cost, bytes })
    }

    /// Repeats an iteration's trials, from the calls that another record has of them.
    pub fn again(folder: &IterationWriter, past: Calls, again: Again) -> Result<Self, RecordError> {
        let calls = Arc::new(folder.append(TRIALS)?);
        Ok(Self { calls, past, again: Some(again), cost: Cost::default(), bytes: Arc::default() })
    }

    /// Bytes that the calls of all trials take in the record. The number does not depend on whether the run was killed, or
    /// where it is repeated.
    pub fn recorded_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The record of the trial that this tool call of this turn makes, or of a fold of it, and the sink for its calls and for
    /// what is shown of it.
    pub fn begin(
        &mut self,
        (step, at): (u32, usize),
        fold: Option<usize>,
        shown: &Arc<Shown>,
    ) -> Result<(RecordedEvaluation, Arc<dyn Sink>), RecordError> {
        let name = trial_name(step, at);
        let name = fold.map_or(name.clone(), |fold| format!("{name}/fold-{fold}"));
        let prefix = format!("{name}/");
        if self.again.is_none() {
            // These calls are not written again, so they are counted here.
            for id in self.past.ids().iter().filter(|id| id.starts_with(&prefix)) {
                let bytes = self.past.get(id)?.iter().map(size).sum();
                self.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
        }
        let again = self.again.clone().map(|again| Again { prefix: prefix.clone(), ..again });
        let purpose = again.map_or(Purpose::Continue, Purpose::Repeat);
        let past = RecordedEvaluation {
            calls: self.past.below(&prefix),
            scorer_calls: self.past.below(&format!("{prefix}{SCORER}/")),
            purpose,
            ..RecordedEvaluation::default()
        };
        let (calls, bytes) = (self.calls.clone(), self.bytes.clone());
        Ok((past, Arc::new(TrialSink { name, calls, bytes, shown: shown.clone() })))
    }

    /// Takes over the calls of trials that cannot be repeated. Their names begin with `prefix`.
    pub fn take_over(&mut self, prefix: &str) -> Result<(), RecordError> {
        let Some(again) = &self.again else { return Ok(()) };
        let ids = self.past.ids();
        for id in ids.iter().filter(|id| id.starts_with(prefix)) {
            let rows = self.past.get(id)?;
            let made =
                rows.iter().map(|row| call_row(&row.model, id, row.call, &row.request, &again.called(row)));
            let made: Vec<CallRow> = made.collect();
            made.iter().try_for_each(|row| self.calls.push(row))?;
            self.bytes.fetch_add(made.iter().map(size).sum(), Ordering::Relaxed);
            self.cost += recorded_cost(&made);
        }
        Ok(())
    }

    /// Waits until all calls are on disk, in an order that does not depend on which was answered first. Returns what the
    /// trials cost.
    pub fn close(self, folder: &IterationWriter) -> Result<Cost, RecordError> {
        // If a sink is still held somewhere, the file is synced when that is dropped.
        Arc::into_inner(self.calls).map_or(Ok(()), Appender::finish)?;
        folder.sort_lines(TRIALS, |row: &RowPlace| (row.example_id.clone(), row.call))?;
        Ok(self.cost)
    }
}

/// The turn of the trial whose name is the beginning of an id.
fn step_of(id: &str) -> u32 {
    id.split('-').nth(1).and_then(|step| step.parse().ok()).unwrap_or(0)
}

/// Records a trial's model calls, and keeps what is shown. Its outcomes are in the tool's result.
struct TrialSink {
    name: String,
    calls: Arc<Appender>,
    bytes: Arc<AtomicU64>,
    shown: Arc<Shown>,
}

/// Bytes of a call in the record: request and reply or error.
fn size(row: &CallRow) -> u64 {
    let bytes = serde_json::to_vec(&(&row.request, &row.reply, &row.failure)).unwrap_or_default();
    bytes.len() as u64
}

impl TrialSink {
    fn push(&self, row: &CallRow, example_id: String) -> Result<(), RecordError> {
        self.bytes.fetch_add(size(row), Ordering::Relaxed);
        self.calls.push(&CallRow { example_id, ..row.clone() })
    }
}

impl Sink for TrialSink {
    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.shown.call(row);
        self.push(row, format!("{}/{}", self.name, row.example_id))
    }

    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.push(row, format!("{}/{SCORER}/{}", self.name, row.example_id))
    }

    fn example(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.shown.row(row);
        Ok(())
    }

    fn batch(&self, row: &LearnRow) -> Result<(), RecordError> {
        self.shown.batch(row);
        Ok(())
    }
}
