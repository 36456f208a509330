//! The model calls of one call into a harness. Each request is put to the run's model once, whoever asks: a call that was
//! given to a second worker, because the first one died, gets the replies that the first one has had or waits for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mmh_engine::sandbox::{CallIndex, ModelPort};
use mmh_record::{
    chat::{Block, CallOutcome, ChatRequest, ModelError},
    limits::Limits,
};
use tokio::{sync::watch, task::JoinSet};

/// What one call may ask, and what it has asked.
pub(crate) struct Desk {
    model: Arc<dyn ModelPort>,
    /// The limits of the call.
    limits: Limits,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// By number: what was asked, and what came of it once it is there.
    calls: BTreeMap<u32, (Arc<ChatRequest>, watch::Receiver<Option<CallOutcome>>)>,
    /// The calls that are waited for.
    under_way: JoinSet<()>,
}

/// A request that a call within its limits cannot make.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Nonsense {
    #[error("a model call beyond --model-calls")]
    TooMany,
    #[error("a prompt beyond --prompt-kib, or a reply beyond --reply-tokens")]
    TooLarge,
    #[error("another request than was made in its place before")]
    Other,
}

impl Desk {
    pub fn new(model: Arc<dyn ModelPort>, limits: Limits) -> Arc<Self> {
        Arc::new(Self { model, limits, asked: Mutex::default() })
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn record_bytes(&self) -> u64 {
        self.model.record_bytes()
    }

    /// What comes of a request. The model is asked unless it was.
    pub async fn ask(
        &self,
        request: Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> Result<CallOutcome, Nonsense> {
        self.admit(&request, place)?;
        let mut outcome = {
            let mut asked = self.asked();
            match asked.calls.get(&place.index) {
                Some((before, outcome)) if **before == *request => outcome.clone(),
                Some(_) => return Err(Nonsense::Other),
                None => {
                    let (tell, outcome) = watch::channel(None);
                    asked.calls.insert(place.index, (request.clone(), outcome.clone()));
                    let model = self.model.clone();
                    asked.under_way.spawn(async move {
                        let came = model.complete(&request, place, time_left).await;
                        let _ = tell.send(Some(came));
                    });
                    outcome
                }
            }
        };
        let came = outcome.wait_for(Option::is_some).await.ok().and_then(|came| came.clone());
        Ok(came.unwrap_or_else(|| CallOutcome::unasked(Err(not_waited_for().into()))))
    }

    fn admit(&self, request: &ChatRequest, place: CallIndex) -> Result<(), Nonsense> {
        if place.index >= self.limits.model_calls {
            return Err(Nonsense::TooMany);
        }
        let system = request.system.as_ref().map_or(0, String::len);
        let blocks = request.messages.iter().flat_map(|message| &message.content);
        let stops = request.stop.iter().map(String::len).sum::<usize>();
        let prompt = system + stops + blocks.map(Block::size).sum::<usize>();
        match prompt as u64 > self.limits.prompt_bytes || request.max_tokens > self.limits.reply_tokens {
            true => Err(Nonsense::TooLarge),
            false => Ok(()),
        }
    }

    /// What is on record of a request with this number.
    pub fn answered(&self, index: u32) -> Option<(Arc<ChatRequest>, CallOutcome)> {
        let asked = self.asked();
        let (request, outcome) = asked.calls.get(&index)?;
        let outcome = outcome.borrow().clone()?;
        Some((request.clone(), outcome))
    }

    /// Stops waiting for replies: the call is over.
    pub async fn close(&self) {
        let mut under_way = std::mem::take(&mut self.asked().under_way);
        under_way.shutdown().await;
    }
}

fn not_waited_for() -> ModelError {
    ModelError::Unavailable("the call ended before the reply came".into())
}

/// The desk as the model of a call that is made here.
#[async_trait]
impl ModelPort for Desk {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        match self.ask(request.clone(), place, time_left).await {
            Ok(outcome) => outcome,
            // What a worker has asked here before was no request of this harness.
            Err(_) => self.model.complete(request, place, time_left).await,
        }
    }

    fn record_bytes(&self) -> u64 {
        self.model.record_bytes()
    }
}

/// The replies that a desk has, and no others: the model of a call that is made a second time, to compare.
pub(crate) struct RepliesOnly(pub Arc<Desk>);

#[async_trait]
impl ModelPort for RepliesOnly {
    async fn complete(&self, request: &Arc<ChatRequest>, place: CallIndex, _: Duration) -> CallOutcome {
        let found = self.0.answered(place.index).filter(|(before, _)| **before == **request);
        found.map_or_else(|| CallOutcome::unasked(Err(not_waited_for().into())), |(_, outcome)| outcome)
    }

    fn record_bytes(&self) -> u64 {
        self.0.record_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use mmh_record::chat::{ChatMessage, ChatReply, ChatRole};

    use super::*;

    /// Counts how often it is asked.
    #[derive(Default)]
    struct Counting(AtomicU32);

    #[async_trait]
    impl ModelPort for Counting {
        async fn complete(&self, _: &Arc<ChatRequest>, _: CallIndex, _: Duration) -> CallOutcome {
            let before = self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            CallOutcome { attempts: before + 1, ..CallOutcome::unasked(Ok(ChatReply::default())) }
        }
    }

    fn request(text: &str) -> Arc<ChatRequest> {
        let messages = vec![ChatMessage::text(ChatRole::User, text)];
        Arc::new(ChatRequest { messages, max_tokens: 10, ..ChatRequest::default() })
    }

    #[tokio::test]
    async fn a_request_is_put_once() {
        let model = Arc::new(Counting::default());
        let limits = Limits { model_calls: 2, prompt_bytes: 100, reply_tokens: 10, ..Limits::default() };
        let desk = Desk::new(model.clone(), limits);
        let place = |index| CallIndex { index, draw: 0 };
        let ask = |text: &str, index| desk.ask(request(text), place(index), Duration::from_secs(1));
        // Two workers at the same time, and one later
        let (one, other) = tokio::join!(ask("a", 0), ask("a", 0));
        let again = ask("a", 0).await;
        assert_eq!((&one, &other), (&again, &again));
        assert_eq!(model.0.load(Ordering::Relaxed), 1);
        // name, request, number, what comes of it
        let table = [
            ("another text in its place", request("b"), 0, Some(Nonsense::Other)),
            ("the next one", request("b"), 1, None),
            ("one too many", request("c"), 2, Some(Nonsense::TooMany)),
            ("too long", request(&"x".repeat(101)), 1, Some(Nonsense::TooLarge)),
        ];
        for (name, request, index, expected) in table {
            let came = desk.ask(request, place(index), Duration::from_secs(1)).await;
            assert_eq!(came.err(), expected, "{name}");
        }
        assert_eq!(model.0.load(Ordering::Relaxed), 2);
    }
}
