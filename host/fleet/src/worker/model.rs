//! The model of a call that runs on a worker: it asks the coordinator, again and again until an answer comes. A request that
//! was made before is not made twice there.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_nats::client::Request;
use async_trait::async_trait;
use mmh_engine::sandbox::{CallIndex, ModelPort};
use mmh_record::chat::{CallOutcome, ChatRequest, ModelError};
use tokio::sync::Notify;

use super::slots::{Waits, for_ever};
use crate::{
    bus::Bus,
    wire::{Ask, Told},
};

/// An answer that has not come after so long is asked for again: it, or the question, may be lost.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Between two questions where nobody was there to be asked.
const PAUSE: Duration = Duration::from_millis(200);

/// Most bytes of an answer.
const MOST_ANSWERED: u64 = 1 << 30;

/// The coordinator's model, as one call sees it.
pub(crate) struct RemoteModel {
    pub bus: Arc<Bus>,
    pub subject: String,
    pub worker: String,
    pub record_bytes: u64,
    pub waits: Waits,
    /// Woken when nobody waits for the call any more.
    pub over: Arc<Notify>,
    /// The numbers of the requests that were answered.
    pub answered: Mutex<HashSet<u32>>,
}

impl RemoteModel {
    pub fn answered(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One question. `None` if no answer came.
    async fn ask(&self, ask: &Ask) -> Option<Told> {
        let question = serde_json::to_vec(ask).ok()?;
        let question = self.bus.objects.pack(&question).await.ok()?;
        let request = Request::new().payload(question.clone()).timeout(Some(ASK_AGAIN));
        let told = self.bus.client.send_request(self.subject.clone(), request).await;
        let told = match told {
            Ok(told) => self
                .bus
                .objects
                .unpack(told.payload.clone(), MOST_ANSWERED)
                .await
                .ok()
                .map(|content| (told.payload, content)),
            Err(error) => {
                tracing::debug!("a model call is not answered yet: {error}");
                None
            }
        };
        let (message, content) = told?;
        self.bus.objects.discard(&question).await;
        self.bus.objects.discard(&message).await;
        serde_json::from_slice(&content).ok()
    }
}

#[async_trait]
impl ModelPort for RemoteModel {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        let _waiting = self.waits.one();
        let (begun, CallIndex { index, draw }) = (Instant::now(), place);
        loop {
            let left = time_left.saturating_sub(begun.elapsed());
            let ask =
                Ask { worker: self.worker.clone(), request: request.clone(), index, draw, time_left: left };
            match self.ask(&ask).await {
                Some(Told::Outcome(outcome)) => {
                    self.answered().insert(index);
                    return *outcome;
                }
                Some(Told::Over) => {
                    self.over.notify_one();
                    return for_ever().await;
                }
                None if left.is_zero() => {
                    let why = "the coordinator gave no answer in time";
                    return CallOutcome::unasked(Err(ModelError::Unavailable(why.into()).into()));
                }
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn record_bytes(&self) -> u64 {
        self.record_bytes
    }
}
