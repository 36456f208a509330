//! Replies of the target model, kept between runs: what goes over the wire a second time is not paid a
//! second time.
//!
//! The key is everything that goes over the wire, and which one it is of equal requests within one call
//! of a harness: asking three times and voting stays three draws.

use std::{
    sync::mpsc::{Sender, channel},
    thread::JoinHandle,
};

use crate::{
    cache::Cache,
    digest::{Digest, KeyBuilder},
    model::ChatReply,
};

/// The cache's folder for replies.
const KIND: &str = "replies";

/// Kept replies. Writing happens behind the callers' backs; dropping waits for it.
pub struct Replies {
    cache: Cache,
    waiting: Option<Sender<(Digest, Vec<u8>)>>,
    writer: Option<JoinHandle<()>>,
}

impl Replies {
    pub fn new(cache: Cache) -> Self {
        let (waiting, received) = channel::<(Digest, Vec<u8>)>();
        let behind = cache.clone();
        let writer = std::thread::spawn(move || {
            for (key, reply) in received {
                // What cannot be kept is asked again; the run itself has its own record.
                if let Err(error) = behind.put_lazily(KIND, key, ".json", &reply) {
                    tracing::warn!("{error}");
                }
            }
        });
        Self { cache, waiting: Some(waiting), writer: Some(writer) }
    }

    /// The reply to this request, if there is one. A damaged one is none.
    pub fn get(&self, wire: Digest, draw: u32) -> Option<ChatReply> {
        let bytes = self.cache.get(KIND, key(wire, draw), ".json").ok().flatten()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub fn keep(&self, wire: Digest, draw: u32, reply: &ChatReply) {
        if let (Some(waiting), Ok(bytes)) = (&self.waiting, serde_json::to_vec(reply)) {
            // The writer ends after the last sender, so it is there.
            let _ = waiting.send((key(wire, draw), bytes));
        }
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.waiting = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn key(wire: Digest, draw: u32) -> Digest {
    KeyBuilder::new("kept-reply").part("wire", wire.bytes()).part("draw", draw.to_le_bytes()).finish()
}
