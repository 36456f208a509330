//! An evaluation that is repeated from recorded replies, perhaps by another harness: what was asked before is answered
//! from the record, wherever it stands there, and what was not goes to a model, or to nobody.

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
    /// Asked for what is not recorded. Without it such a call fails.
    live: Option<Arc<dyn ModelPort>>,
    /// Prompts that were not in the record, by example or batch.
    unrecorded: Arc<Mutex<HashMap<String, Vec<String>>>>,
}

impl Replay {
    /// From the record, and where that has nothing, from `live`.
    pub fn new(live: Option<Arc<dyn ModelPort>>) -> Self {
        Self { live, ..Self::default() }
    }

    /// Whether a model is asked for what is not recorded.
    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// The prompts of this example or batch that were not in the record, in the order in which they were made.
    pub fn take_unrecorded(&self, id: &str) -> Vec<String> {
        self.unrecorded().remove(id).unwrap_or_default()
    }

    /// What a call of this example or batch came to.
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

/// A model that says nothing: everything that it said is on record.
pub struct RecordedModel {
    id: String,
}

impl RecordedModel {
    /// In place of the model with this id.
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
