//! Receivers of outcomes, which get them as soon as they are known.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;

use super::Lessons;
use crate::dataset::{Example, task::TaskKind};
use mmh_record::{
    RecordError,
    append::Appender,
    chat::{CallOutcome, ChatReply, ModelError},
    format::{CallRow, LearnRow, TraceRow},
    layout::MAX_REPLY_BYTES,
    text,
    trial::TrialId,
    writer::IterationWriter,
};

/// Receives every outcome once, in the order of completion.
pub trait Sink: Send + Sync {
    /// A model call, as soon as it is answered, and before the outcome that it belongs to.
    fn call(&self, row: &CallRow) -> Result<(), RecordError>;
    /// A model call of the task's own scorer, in the same way.
    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError>;
    /// An example's outcome.
    fn example(&self, row: &TraceRow) -> Result<(), RecordError>;
    /// A batch's outcome.
    fn batch(&self, row: &LearnRow) -> Result<(), RecordError>;

    /// The outcome of a train example that was predicted before it was learned. Dropped unless it is wanted.
    fn prediction(&self, _: &TraceRow) -> Result<(), RecordError> {
        Ok(())
    }

    /// Whether calls are wanted. If not, their rows are not made.
    fn wants_calls(&self) -> bool {
        true
    }
}

/// Drops everything.
pub struct Discard;

impl Sink for Discard {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&self, _: &CallRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn scorer_call(&self, _: &CallRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn example(&self, _: &TraceRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn batch(&self, _: &LearnRow) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Takes the calls of a scorer to where they belong.
pub struct OfScorer(pub Arc<dyn Sink>);

impl Sink for OfScorer {
    fn wants_calls(&self) -> bool {
        self.0.wants_calls()
    }

    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.0.scorer_call(row)
    }

    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.0.scorer_call(row)
    }

    fn example(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.0.example(row)
    }

    fn batch(&self, row: &LearnRow) -> Result<(), RecordError> {
        self.0.batch(row)
    }
}

/// Keeps the harness's model calls in memory, by example or batch.
#[derive(Default)]
pub struct KeptCalls(Mutex<HashMap<String, Vec<CallRow>>>);

impl KeptCalls {
    /// Takes the calls of this example or batch, in their order.
    pub fn take(&self, id: &str) -> Vec<CallRow> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id).unwrap_or_default();
        calls.sort_by_key(|call| call.call);
        calls
    }
}

impl Sink for KeptCalls {
    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(row.example_id.clone()).or_default().push(row.clone());
        Ok(())
    }

    fn scorer_call(&self, _: &CallRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn example(&self, _: &TraceRow) -> Result<(), RecordError> {
        Ok(())
    }

    fn batch(&self, _: &LearnRow) -> Result<(), RecordError> {
        Ok(())
    }
}

/// The outcome of a call, or an error if its reply is too large to be read back from the record.
pub fn recordable(called: CallOutcome) -> CallOutcome {
    let size = |reply: &ChatReply| reply.raw.as_ref().map_or(0, String::len).max(reply.text().len());
    let bytes = called.result.as_ref().map_or(0, size);
    if bytes <= MAX_REPLY_BYTES {
        return called;
    }
    let [found, most] = [bytes, MAX_REPLY_BYTES].map(|bytes| text::bytes(bytes as u64));
    let why = format!("the reply has {found}, more than the {most} that are recorded of one");
    CallOutcome { result: Err(ModelError::Unavailable(why).into()), ..called }
}

/// Appends outcomes to an iteration's folder, and syncs them.
pub struct Recorder {
    traces: Appender,
    calls: Appender,
    /// For a task that has a scorer.
    scorer_calls: Option<Appender>,
    batches: Appender,
    /// Of the online protocol only.
    predictions: Option<Appender>,
}

pub use mmh_record::layout::{BATCHES, CALLS, PREDICTIONS, SCORER_CALLS, TRACES};

impl Recorder {
    /// Opens the files of outcomes and calls in this folder, with those of a scorer's calls if this kind of task has one.
    pub fn new(folder: &IterationWriter, kind: &dyn TaskKind) -> Result<Self, RecordError> {
        Ok(Self {
            traces: folder.append(TRACES)?,
            calls: folder.append(CALLS)?,
            scorer_calls: kind.scorer().map(|_| folder.append(SCORER_CALLS)).transpose()?,
            batches: folder.append(BATCHES)?,
            predictions: None,
        })
    }

    /// The same for an evaluation that begins with learning, which may have predictions.
    pub fn learning(
        folder: &IterationWriter,
        kind: &dyn TaskKind,
        lessons: &Lessons,
    ) -> Result<Self, RecordError> {
        let predictions = lessons.are_online().then(|| folder.append(PREDICTIONS)).transpose()?;
        Ok(Self { predictions, ..Self::new(folder, kind)? })
    }

    /// Waits until all is on disk, then sorts the lines: batches of `learn` first, then the order of the examples. The order
    /// of completion is random, and a run's files must not depend on it.
    ///
    /// Fails if the recorder is still held elsewhere, because then the evaluation is not over.
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
        let scorer_calls =
            this.scorer_calls.map(|calls| calls.finish().map(|()| SCORER_CALLS)).transpose()?;
        if let Some(predictions) = this.predictions {
            predictions.finish()?;
            folder.sort_lines(PREDICTIONS, |line: &RowPlace| in_pass_order(&line.example_id))?;
        }
        let order: HashMap<&str, usize> =
            examples.iter().enumerate().map(|(at, example)| (example.id.as_str(), at + 1)).collect();
        // Batches come first, by name, and predictions while learning after them.
        let place = |id: &str| {
            let TrialId { example, number } = TrialId::of(id);
            match order.get(example) {
                Some(at) => (*at, number, String::new()),
                None => (0, 0, id.to_owned()),
            }
        };
        for file in [TRACES, CALLS].into_iter().chain(scorer_calls) {
            folder.sort_lines(file, |line: &RowPlace| (place(&line.example_id), line.call))?;
        }
        Ok(())
    }
}

/// The fields that decide a line's place.
#[derive(Deserialize)]
pub struct RowPlace {
    /// The example or batch.
    pub example_id: String,
    /// The number of the call in it; 0 for an outcome.
    #[serde(default)]
    pub call: u32,
}

mmh_record::recorded!(RowPlace);

/// The place of a prediction among all: pass by pass, in the order of the train examples.
fn in_pass_order(id: &str) -> (u32, usize, String) {
    let TrialId { example, number } = TrialId::of(id);
    // Numbers have four digits, or more where there are more examples.
    (number, example.len(), example.to_owned())
}

impl Sink for Recorder {
    fn prediction(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.predictions.as_ref().map_or(Ok(()), |predictions| predictions.push(row))
    }

    fn call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.calls.push(row)
    }

    fn scorer_call(&self, row: &CallRow) -> Result<(), RecordError> {
        self.scorer_calls.as_ref().map_or(Ok(()), |calls| calls.push(row))
    }

    fn example(&self, row: &TraceRow) -> Result<(), RecordError> {
        self.traces.push(row)
    }

    fn batch(&self, row: &LearnRow) -> Result<(), RecordError> {
        self.batches.push(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::chat::Block;

    #[test]
    fn replies_that_cannot_be_recorded_are_none() {
        let reply = |text: usize, raw: usize| ChatReply {
            content: vec![Block::Text { text: "x".repeat(text) }],
            raw: Some("y".repeat(raw)),
            ..ChatReply::default()
        };
        let table = [
            (reply(10, 20), true),
            (reply(MAX_REPLY_BYTES, MAX_REPLY_BYTES), true),
            (reply(MAX_REPLY_BYTES + 1, 0), false),
            (reply(0, MAX_REPLY_BYTES + 1), false),
        ];
        for (reply, fits) in table {
            let found = recordable(CallOutcome::unasked(Ok(reply.clone())));
            assert_eq!(found.result.is_ok(), fits);
            let why = found.result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(fits || why.ends_with("more than the 8 MiB that are recorded of one"), "{why}");
        }
    }
}
