//! The model of one harness call. Every answer is on record before the harness gets it, and what is on
//! record is not asked again: so no reply is paid twice, whenever the host is killed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{Sink, Target, answers::Answers, call_row};
use crate::{
    call::Called,
    model::ChatRequest,
    record::RecordError,
    sandbox::{Call, ModelPort, Place},
};

/// Answers from the record, else from the run's target.
pub struct Journal {
    /// The example, or the batch.
    id: String,
    target: Arc<Target>,
    answers: Answers,
    sink: Arc<dyn Sink>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// The calls that are on record, by their place.
    calls: HashSet<u32>,
    failed: Option<RecordError>,
}

impl Journal {
    pub fn new(id: &str, target: Arc<Target>, answers: Answers, sink: Arc<dyn Sink>) -> Self {
        Self { id: id.to_owned(), target, answers, sink, written: Mutex::default() }
    }

    /// Records the calls whose answers nobody waited for, and says whether recording went well.
    pub fn finish(&self, calls: &[Call]) -> Result<(), RecordError> {
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

    fn record(&self, request: &ChatRequest, at: u32, called: &Called) {
        let pushed = self.sink.call(&call_row(self.target.id(), &self.id, at, request, called));
        let mut written = self.written();
        written.calls.insert(at);
        if let Err(error) = pushed {
            written.failed.get_or_insert(error);
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ModelPort for Journal {
    async fn complete(&self, request: &Arc<ChatRequest>, place: Place, time_left: Duration) -> Called {
        if let Some(called) = self.answers.find(request, place.draw) {
            self.written().calls.insert(place.index);
            return called;
        }
        let called = self.target.complete(request, place, time_left).await;
        self.record(request, place.index, &called);
        called
    }
}
