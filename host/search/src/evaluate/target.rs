//! The target model as harnesses reach it: the reply cache first, then the metered model.

use std::{
    sync::Arc,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::replies::{Replies, Tally};
use mmh_engine::sandbox::{CallIndex, ModelPort};
use mmh_models::{
    ServerIdentity,
    metering::{Account, MeteredModel},
};
use mmh_record::{
    chat::{CallOutcome, ChatReply, ChatRequest},
    digest::{Digest, KeyBuilder},
};

/// The fixed model of a run.
pub struct Target {
    caller: MeteredModel,
    shared: Arc<Shared>,
}

/// What a target has in common with those that are billed to other accounts.
struct Shared {
    replies: Option<Replies>,
    /// Calls that were answered from the cache, and calls that were sent.
    kept: AtomicU64,
    asked: AtomicU64,
    /// Held while the first reply shows which server answers, if only replies show it; and the server that answered last.
    answering: tokio::sync::Mutex<()>,
    answered_by: Mutex<Option<Digest>>,
}

impl Target {
    /// The target that `caller` asks. With `replies`, equal requests of earlier runs are answered from the cache.
    pub fn new(caller: MeteredModel, replies: Option<Replies>) -> Self {
        let shared = Shared {
            replies,
            kept: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            answering: tokio::sync::Mutex::default(),
            answered_by: Mutex::default(),
        };
        Self { caller, shared: Arc::new(shared) }
    }

    /// The same target, whose calls are billed to this account of the run's budget.
    pub fn billed_to(&self, account: &Account) -> Self {
        Self { caller: self.caller.billed_to(account), shared: self.shared.clone() }
    }

    /// The model's id.
    pub fn id(&self) -> &str {
        self.caller.model.id()
    }

    /// Waits until it is known for all refusals so far whose fault they were.
    pub async fn settle(&self) {
        self.caller.settle().await;
    }

    /// How many calls were answered from the cache. `None` without a cache.
    pub fn tally(&self) -> Option<Tally> {
        let shared = &self.shared;
        let (kept, asked) = (shared.kept.load(Ordering::Relaxed), shared.asked.load(Ordering::Relaxed));
        shared.replies.as_ref().map(|_| Tally { kept, total: kept + asked })
    }

    /// Sends a request, and keeps the reply.
    async fn ask(&self, request: &ChatRequest, key: Option<(&Replies, Kept)>, left: Duration) -> CallOutcome {
        self.shared.asked.fetch_add(1, Ordering::Relaxed);
        let Some((replies, Kept { wire, draw })) = key else {
            return self.caller.call(request, Some(left)).await;
        };
        // The server is identified during the first call, so that this takes no extra time.
        let (called, server) =
            futures::future::join(self.caller.call(request, Some(left)), self.caller.model.server()).await;
        if let Ok(reply) = &called.result {
            let by = by(server, reply);
            *self.answered_by() = Some(by);
            replies.keep(wire, draw, by, reply);
        }
        called
    }

    /// The kept reply of the server that answers at present, if there is one.
    async fn find(
        &self,
        request: &ChatRequest,
        replies: &Replies,
        key: Kept,
        left: Duration,
    ) -> Option<CallOutcome> {
        let kept = replies.get(key.wire, key.draw);
        if kept.is_empty() {
            return None;
        }
        let of = |server: Digest| kept.iter().find(|(by, _)| *by == server).map(|(_, reply)| reply.clone());
        let found = match self.caller.model.server().await {
            ServerIdentity::Unsaid => {
                // Only a reply identifies the server, so the first request is sent although a reply is kept.
                let finding_out = self.shared.answering.lock().await;
                let known = *self.answered_by();
                if known.is_none() {
                    return Some(self.ask(request, Some((replies, key)), left).await);
                }
                drop(finding_out);
                known.and_then(of)
            }
            said => of(by(said, &ChatReply::default())),
        };
        found.map(|reply| {
            self.shared.kept.fetch_add(1, Ordering::Relaxed);
            CallOutcome { cached: true, ..CallOutcome::unasked(Ok(reply)) }
        })
    }

    fn answered_by(&self) -> std::sync::MutexGuard<'_, Option<Digest>> {
        self.shared.answered_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a kept reply: the digest of what is sent, and the number of equal requests before it.
#[derive(Clone, Copy)]
struct Kept {
    wire: Digest,
    draw: u32,
}

/// The key of what is sent for one of several independent replies. The first one has the key of a request that wants no
/// others.
fn sampled(wire: Digest, sample: u32) -> Digest {
    match sample {
        0 => wire,
        _ => {
            KeyBuilder::new("sample").part("wire", wire.bytes()).part("sample", sample.to_le_bytes()).finish()
        }
    }
}

/// The identity of a reply's server.
fn by(server: ServerIdentity, reply: &ChatReply) -> Digest {
    match server {
        ServerIdentity::Named => Digest::of("named"),
        ServerIdentity::Stated(digest) => digest,
        ServerIdentity::Unsaid => Digest::of(format!("by {:?}", reply.served_by)),
    }
}

#[async_trait]
impl ModelPort for Target {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        let key = |replies| {
            let wire = self.caller.model.wire_digest(request)?;
            Some((replies, Kept { wire: sampled(wire, request.sample), draw: place.draw }))
        };
        let key = self.shared.replies.as_ref().and_then(key);
        if let Some((replies, kept)) = key
            && let Some(called) = self.find(request, replies, kept, time_left).await
        {
            return called;
        }
        self.ask(request, key, time_left).await
    }
}
