//! The target model, as harnesses reach it: replies that are kept first, then the run's caller.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::replies::Replies;
use crate::{
    call::{Called, Caller},
    model::ChatRequest,
    sandbox::{ModelPort, Place},
};

/// The fixed model of a run.
pub struct Target {
    caller: Caller,
    replies: Option<Replies>,
}

impl Target {
    /// With `replies`, what was asked before is not asked again.
    pub fn new(caller: Caller, replies: Option<Replies>) -> Self {
        Self { caller, replies }
    }

    /// The model's id.
    pub fn id(&self) -> &str {
        self.caller.model.id()
    }
}

#[async_trait]
impl ModelPort for Target {
    async fn complete(&self, request: &Arc<ChatRequest>, place: Place, time_left: Duration) -> Called {
        let wire_digest = |replies| Some((replies, self.caller.model.wire_digest(request)?));
        let kept = self.replies.as_ref().and_then(wire_digest);
        if let Some((replies, wire)) = &kept
            && let Some(reply) = replies.get(*wire, place.draw)
        {
            return Called { cached: true, ..Called::unasked(Ok(reply)) };
        }
        let called = self.caller.call(request, Some(time_left)).await;
        if let (Some((replies, wire)), Ok(reply)) = (kept, &called.result) {
            replies.keep(wire, place.draw, reply);
        }
        called
    }
}
