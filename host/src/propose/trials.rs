//! Model calls of the proposer's trials: on record like all others, so that a trial that was cut off does
//! not pay again for what was answered.

use std::{collections::HashMap, sync::Arc};

use crate::{
    evaluate::{Past, Retry, Sink, answers::by_example, recorded_cost, sink::Place},
    record::{
        RecordError,
        append::Appender,
        format::{CallRow, Cost, LearnRow, TraceRow},
        writer::IterationWriter,
    },
};

/// The file of trials' model calls.
pub const TRIALS: &str = "trial_calls.jsonl";

/// An iteration's trials. Each is named by the turn and the place of its tool call: `trial-07-0`.
pub struct Trials {
    calls: Arc<Appender>,
    /// Recorded calls of a turn that was not completed, by trial.
    past: HashMap<String, Vec<CallRow>>,
    /// What trials of completed turns have cost.
    pub cost: Cost,
}

impl Trials {
    /// Opens the record of an iteration whose first `answered` turns are complete.
    pub fn resume(folder: &IterationWriter, answered: u32, retry: Retry) -> Result<Self, RecordError> {
        folder.keep_lines(TRIALS, |row: &CallRow| !retry.wants(row))?;
        let mut past: HashMap<String, Vec<CallRow>> = HashMap::new();
        let mut complete = Vec::new();
        for row in folder.mend_lines::<CallRow>(TRIALS)? {
            match row.example_id.split_once('/') {
                Some((trial, _)) if step_of(trial) > answered => {
                    past.entry(trial.to_owned()).or_default().push(row);
                }
                _ => complete.push(row),
            }
        }
        let calls = Arc::new(folder.append(TRIALS)?);
        Ok(Self { calls, past, cost: recorded_cost([&complete]) })
    }

    /// What is on record of the trial that this tool call of this turn makes, and where its calls go.
    pub fn begin(&mut self, step: u32, at: usize) -> (Past, Arc<dyn Sink>) {
        let name = format!("trial-{step:02}-{at}");
        let rows = self.past.remove(&name).unwrap_or_default();
        let own = rows.into_iter().map(|mut row| {
            row.example_id = row.example_id.split_once('/').map_or("", |(_, id)| id).to_owned();
            row
        });
        let past = Past { calls: by_example(own.collect()), ..Past::default() };
        (past, Arc::new(TrialSink { name, calls: self.calls.clone() }))
    }

    /// Waits until all is on disk, in an order that does not depend on which call was answered first.
    pub fn close(self, folder: &IterationWriter) -> Result<Cost, RecordError> {
        // Sinks that are still held somewhere sync when they are dropped.
        Arc::into_inner(self.calls).map_or(Ok(()), Appender::finish)?;
        folder.sort_lines(TRIALS, |row: &Place| (row.example_id.clone(), row.call))?;
        Ok(self.cost)
    }
}

fn step_of(trial: &str) -> u32 {
    trial.split('-').nth(1).and_then(|step| step.parse().ok()).unwrap_or(0)
}

/// Keeps a trial's model calls; its outcomes are in the tool's answer.
struct TrialSink {
    name: String,
    calls: Arc<Appender>,
}

impl Sink for TrialSink {
    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.calls.push(&CallRow { example_id: format!("{}/{}", self.name, row.example_id), ..row.clone() })
    }

    fn example(&self, _: &TraceRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn batch(&self, _: &LearnRow) -> Result<(), RecordError> {
        Ok(())
    }
}
