//! Answers an evaluation from recorded replies, perhaps for another harness. A request that is anywhere in the example's
//! record is answered from there; another one goes to a model, or fails.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mmh_engine::sandbox::{CallIndex, ModelPort};
use mmh_models::{ChatError, ChatModel};
use mmh_record::chat::{CallOutcome, ChatReply, ChatRequest, ModelError};

use super::recorded_replies::{RecordedReplies, lost};

/// How an evaluation is repeated. Cheap to clone; clones share what they note.
#[derive(Clone, Default)]
pub struct Replay {
    /// Answers requests that are not recorded. Without it they fail.
    live: Option<Arc<dyn ModelPort>>,
    /// Prompts that were not in the record, by example or batch.
    unrecorded: Arc<Mutex<HashMap<String, Vec<String>>>>,
}

impl Replay {
    /// Answers from the record, or else from `live`.
    pub fn new(live: Option<Arc<dyn ModelPort>>) -> Self {
        Self { live, ..Self::default() }
    }

    /// Whether a model answers requests that are not recorded.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Takes the prompts of this example or batch that were not in the record, in their order.
    pub fn take_unrecorded(&self, id: &str) -> Vec<String> {
        self.unrecorded().remove(id).unwrap_or_default()
    }

    /// The outcome of a call of this example or batch.
    pub(super) async fn complete(
        &self,
        id: &str,
        recorded: &RecordedReplies,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        if let Some(outcome) = recorded.find(request, place.draw) {
            return outcome;
        }
        self.unrecorded().entry(id.to_owned()).or_default().push(request.prompt_text());
        match &self.live {
            Some(live) => live.complete(request, place, time_left).await,
            None => CallOutcome::unasked(Err(lost("this request is not in the record"))),
        }
    }

    fn unrecorded(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for a model whose replies are all on record. It answers nothing.
pub struct RecordedModel {
    id: String,
}

impl RecordedModel {
    /// Stands for the model with this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

#[async_trait]
impl ChatModel for RecordedModel {
    fn id(&self) -> &str {
        &self.id
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        Err(ModelError::Invalid("everything that this model said is on record: it is not asked".into())
            .into())
    }
}
