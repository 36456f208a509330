//! The model of one harness call. Every answer is on record before the harness gets it, and what is on
//! record is not asked again: so no reply is paid twice, whenever the host is killed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Sink, Target,
    again::Again,
    call_row,
    recorded_replies::{Calls, RecordedReplies, called, lost},
    replay::Replay,
    sink::recordable,
};
use mmh_engine::sandbox::{Call, CallIndex, ModelPort};
use mmh_record::{
    RecordError,
    chat::{CallOutcome, ChatRequest},
};

/// Answers from the record, else from the run's target.
pub struct RecordingModel {
    /// The example, or the batch.
    id: String,
    target: Arc<Target>,
    /// What is on record, and the same by its requests once one is made.
    past: Calls,
    answers: OnceLock<RecordedReplies>,
    sink: Arc<dyn Sink>,
    /// The record is another run's, and this one is written anew.
    again: Option<Again>,
    /// The record is of an evaluation that is repeated, perhaps by another harness.
    replay: Option<Replay>,
    record_bytes: u64,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// The calls that are on record, by their place.
    calls: HashSet<u32>,
    failed: Option<RecordError>,
    /// Requests that had no reply in the record.
    lost: Vec<String>,
}

impl RecordingModel {
    pub fn new(id: &str, target: Arc<Target>, past: Calls, sink: Arc<dyn Sink>) -> Self {
        let (id, answers, written) = (id.to_owned(), OnceLock::new(), Mutex::default());
        let (again, replay) = (None, None);
        Self { id, target, past, answers, sink, again, replay, record_bytes: u64::MAX, written }
    }

    /// Takes from the record only what is claimed in it.
    pub fn again(self, again: Option<Again>) -> Self {
        Self { again, ..self }
    }

    /// Answers from the record wherever a request stands there.
    pub fn replay(self, replay: Option<Replay>) -> Self {
        Self { replay, ..self }
    }

    /// What all calls and the outcome may take in the record.
    pub fn within(self, record_bytes: u64) -> Self {
        Self { record_bytes, ..self }
    }

    /// Records the calls whose answers nobody waited for, and says whether recording went well.
    pub fn finish(&self, calls: &[Call]) -> Result<(), RecordError> {
        let calls = if self.sink.wants_calls() { calls } else { &[] };
        for (at, call) in calls.iter().enumerate() {
            let known = self.written().calls.contains(&(at as u32));
            if !known {
                self.sink.call(&call_row(
                    self.target.id(),
                    &self.id,
                    at as u32,
                    &call.request,
                    &call.answer,
                ))?;
            }
        }
        self.written().failed.take().map_or(Ok(()), Err)
    }

    /// Whether a request had no reply in the record that the evaluation is made again from.
    pub fn is_lost(&self) -> bool {
        !self.written().lost.is_empty()
    }

    /// These requests, and what they were.
    pub fn lost(&self) -> Vec<String> {
        self.written().lost.clone()
    }

    /// Notes requests that have no reply in the record.
    pub fn lose(&self, prompts: &[String]) {
        if let Some(again) = &self.again {
            prompts.iter().for_each(|prompt| again.unrecorded(&self.id, prompt));
        }
        self.written().lost.extend_from_slice(prompts);
    }

    /// The recorded calls of this example or batch. What cannot be read ends the evaluation.
    fn answers(&self) -> &RecordedReplies {
        self.answers.get_or_init(|| match self.past.get(&self.id) {
            Ok(rows) => RecordedReplies::new(&rows),
            Err(error) => {
                self.written().failed.get_or_insert(error);
                RecordedReplies::default()
            }
        })
    }

    fn record(&self, request: &ChatRequest, at: u32, called: &CallOutcome) {
        let row = || call_row(self.target.id(), &self.id, at, request, called);
        let pushed = if self.sink.wants_calls() { self.sink.call(&row()) } else { Ok(()) };
        let mut written = self.written();
        written.calls.insert(at);
        if let Err(error) = pushed {
            written.failed.get_or_insert(error);
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a recorded evaluation claims of this call, or what a simulated target says again.
    async fn claimed(
        &self,
        again: &Again,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        if again.is_simulated {
            let now = self.target.complete(request, place, time_left).await;
            return again.simulated(now, self.answers().latency_ms(place.index));
        }
        self.answers().at(request, place.index).map_or_else(
            || {
                self.lose(&[request.prompt_text()]);
                CallOutcome::unasked(Err(lost("this request is not in the record")))
            },
            |row| again.called(row),
        )
    }
}

#[async_trait]
impl ModelPort for RecordingModel {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        let called = match (&self.again, &self.replay) {
            (Some(again), _) => self.claimed(again, request, place, time_left).await,
            (None, Some(replay)) => {
                replay.complete(&self.id, self.answers(), request, place, time_left).await
            }
            (None, None) => match self.answers().at(request, place.index) {
                Some(row) => {
                    self.written().calls.insert(place.index);
                    return called(row);
                }
                None => recordable(self.target.complete(request, place, time_left).await),
            },
        };
        self.record(request, place.index, &called);
        called
    }

    fn record_bytes(&self) -> u64 {
        self.record_bytes
    }
}
