//! The model of one harness call. Every reply is on record before the harness gets it, and a recorded request is not sent
//! again. So no reply is paid for twice, even if the host is killed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Purpose, Sink, Target,
    again::Again,
    call_row,
    recorded_replies::{Calls, RecordedReplies, called, lost},
    sink::recordable,
};
use crate::times::{Part, Times};
use mmh_engine::sandbox::{Call, CallIndex, ModelPort};
use mmh_record::{
    RecordError,
    chat::{CallOutcome, ChatRequest},
    trial::TrialId,
};

/// Answers from the record, or else from the run's target.
pub struct RecordingModel {
    /// The example's or the batch's id.
    id: String,
    /// Which of several replies to its requests it asks for.
    sample: u32,
    target: Arc<Target>,
    /// The recorded calls, and the same by their requests once one is made.
    past: Calls,
    answers: OnceLock<RecordedReplies>,
    sink: Arc<dyn Sink>,
    /// What is done with the record.
    purpose: Purpose,
    record_bytes: u64,
    times: Arc<Times>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// The positions of the calls that are on record.
    calls: HashSet<u32>,
    failed: Option<RecordError>,
    /// Prompts that had no reply in the record.
    lost: Vec<String>,
}

impl RecordingModel {
    pub fn new(id: &str, target: Arc<Target>, past: Calls, sink: Arc<dyn Sink>) -> Self {
        let (sample, id) = (TrialId::of(id).sample(), id.to_owned());
        let (answers, written) = (OnceLock::new(), Mutex::default());
        let (purpose, times) = (Purpose::Continue, Arc::default());
        Self { id, sample, target, past, answers, sink, purpose, record_bytes: u64::MAX, times, written }
    }

    /// Uses the record for this.
    pub fn with(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Most bytes of all calls and the outcome in the record.
    pub fn within(self, record_bytes: u64) -> Self {
        Self { record_bytes, ..self }
    }

    /// Counts the time of calls here.
    pub fn timed_by(self, times: Arc<Times>) -> Self {
        Self { times, ..self }
    }

    /// Records the calls whose replies nobody waited for. Fails if anything could not be recorded.
    pub fn finish(&self, calls: &[Call]) -> Result<(), RecordError> {
        let calls = if self.sink.wants_calls() { calls } else { &[] };
        for (at, call) in calls.iter().enumerate() {
            let known = self.written().calls.contains(&(at as u32));
            if !known {
                let request = self.sampled(&call.request);
                self.sink.call(&call_row(self.target.id(), &self.id, at as u32, &request, &call.answer))?;
            }
        }
        self.written().failed.take().map_or(Ok(()), Err)
    }

    /// Whether a request of the repeated evaluation had no reply in the record.
    pub fn is_lost(&self) -> bool {
        !self.written().lost.is_empty()
    }

    /// The prompts of these requests.
    pub fn lost(&self) -> Vec<String> {
        self.written().lost.clone()
    }

    /// Notes prompts that have no reply in the record.
    pub fn lose(&self, prompts: &[String]) {
        if let Purpose::Repeat(again) = &self.purpose {
            prompts.iter().for_each(|prompt| again.unrecorded(&self.id, prompt));
        }
        self.written().lost.extend_from_slice(prompts);
    }

    /// The recorded calls of this example or batch. If they cannot be read, the evaluation fails.
    fn answers(&self) -> &RecordedReplies {
        self.answers.get_or_init(|| match self.past.get(&self.id) {
            Ok(rows) => RecordedReplies::new(&rows),
            Err(error) => {
                self.written().failed.get_or_insert(error);
                RecordedReplies::default()
            }
        })
    }

    /// The request of this trial: an equal one of another trial asks for another reply.
    fn sampled(&self, request: &Arc<ChatRequest>) -> Arc<ChatRequest> {
        match self.sample == request.sample {
            true => request.clone(),
            false => Arc::new(ChatRequest { sample: self.sample, ..ChatRequest::clone(request) }),
        }
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

    /// The claimed outcome of this call, or that of a simulated target which is asked again.
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
        let request = &self.sampled(request);
        let called = match &self.purpose {
            Purpose::Repeat(again) => self.claimed(again, request, place, time_left).await,
            Purpose::Replay(replay) => {
                replay.complete(&self.id, self.answers(), request, place, time_left).await
            }
            Purpose::Continue => match self.answers().at(request, place.index) {
                Some(row) => {
                    self.written().calls.insert(place.index);
                    return called(row);
                }
                None => {
                    let asked = self.target.complete(request, place, time_left);
                    recordable(self.times.during(Part::Target, asked).await)
                }
            },
        };
        self.record(request, place.index, &called);
        called
    }

    fn record_bytes(&self) -> u64 {
        self.record_bytes
    }
}
