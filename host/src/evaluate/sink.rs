//! Where outcomes go as soon as they are known.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use crate::{
    dataset::Example,
    record::{
        RecordError,
        append::Appender,
        format::{CallRow, LearnRow, TraceRow},
        writer::IterationWriter,
    },
};

/// Receives every outcome once, in the order of completion.
pub trait Sink: Send + Sync {
    fn example(&self, row: &TraceRow, calls: &[CallRow]) -> Result<(), RecordError>;
    fn batch(&self, row: &LearnRow, calls: &[CallRow]) -> Result<(), RecordError>;
}

/// Keeps nothing.
pub struct Discard;

impl Sink for Discard {
    fn example(&self, _: &TraceRow, _: &[CallRow]) -> Result<(), RecordError> {
        Ok(())
    }

    fn batch(&self, _: &LearnRow, _: &[CallRow]) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Appends to an iteration's folder, synced.
pub struct Recorder {
    traces: Appender,
    calls: Appender,
    batches: Appender,
}

const TRACES: &str = "eval_trace.jsonl";
const CALLS: &str = "model_calls.jsonl";
const BATCHES: &str = "learn_trace.jsonl";

impl Recorder {
    pub fn new(folder: &IterationWriter) -> Result<Self, RecordError> {
        Ok(Self {
            traces: folder.append(TRACES)?,
            calls: folder.append(CALLS)?,
            batches: folder.append(BATCHES)?,
        })
    }

    /// Waits until all is on disk, then puts the lines into the order of the examples: batches of
    /// `learn` first. What completed when is chance, and a run's files do not depend on chance.
    ///
    /// Nobody else may hold the recorder any more: the evaluation is over.
    pub fn finish(
        self: Arc<Self>,
        folder: &IterationWriter,
        examples: &[Example],
    ) -> Result<(), RecordError> {
        let this = Arc::into_inner(self).ok_or_else(|| RecordError::Damaged {
            file: TRACES.into(),
            problem: "it is still being written".into(),
        })?;
        this.traces.finish()?;
        this.calls.finish()?;
        this.batches.finish()?;
        let order: HashMap<&str, usize> =
            examples.iter().enumerate().map(|(at, example)| (example.id.as_str(), at + 1)).collect();
        // Batches are no examples: they come first, by name.
        let place = |id: &str| (order.get(id).copied().unwrap_or(0), id.to_owned());
        for file in [TRACES, CALLS] {
            folder.sort_lines(file, |line: &Place| (place(&line.example_id), line.call))?;
        }
        Ok(())
    }
}

/// What decides a line's place.
#[derive(Deserialize)]
struct Place {
    example_id: String,
    #[serde(default)]
    call: u32,
}

impl Sink for Recorder {
    fn example(&self, row: &TraceRow, calls: &[CallRow]) -> Result<(), RecordError> {
        // Calls first: a trace row says that its calls are there.
        calls.iter().try_for_each(|call| self.calls.push(call))?;
        self.traces.push(row)
    }

    fn batch(&self, row: &LearnRow, calls: &[CallRow]) -> Result<(), RecordError> {
        calls.iter().try_for_each(|call| self.calls.push(call))?;
        self.batches.push(row)
    }
}
