//! A span, and the ids of a run's spans: they follow from what a span is about, so that the parts of a trace find each other
//! without being kept.

use jiff::Timestamp;
use mmh_record::digest::KeyBuilder;

use super::wire::{Attributes, Message, attributes};

/// What went into a span and what came of it, by OpenInference's names: lists of traces show them.
pub(super) const INPUT: &str = "input.value";
pub(super) const OUTPUT: &str = "output.value";

/// The id of a run's trace.
pub(super) type TraceId = [u8; 16];

/// The id of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpanId([u8; 8]);

impl SpanId {
    /// The id of the span about this.
    pub(super) fn of(trace: &TraceId, about: &[&str]) -> Self {
        let key = about
            .iter()
            .fold(KeyBuilder::new("span").part("trace", trace), |key, part| key.part("about", part));
        let mut id = [0; 8];
        id.copy_from_slice(&key.finish().bytes()[..8]);
        Self(id)
    }
}

/// The id of the trace of a run that began then.
pub(super) fn trace_id(run_id: &str, started_at: &str) -> TraceId {
    let key = KeyBuilder::new("trace").part("run", run_id).part("started", started_at).finish();
    let mut id = [0; 16];
    id.copy_from_slice(&key.bytes()[..16]);
    id
}

/// Whether a span is about a request to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Client = 3,
}

/// Something that took time. Times are nanoseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Attributes,
    pub(super) error: Option<String>,
}

impl Span {
    pub(super) fn message(&self, trace: &TraceId) -> Message {
        let mut message = Message::default().bytes(1, trace).bytes(2, &self.id.0);
        if let Some(parent) = &self.parent {
            message = message.bytes(4, &parent.0);
        }
        let message = message
            .text(5, &self.name)
            .number(6, self.kind as u64)
            .fixed(7, self.start)
            .fixed(8, self.end.max(self.start));
        let message = attributes(message, 9, &self.attributes);
        match &self.error {
            // 2 is an error.
            Some(error) => message.message(15, Message::default().text(2, error).number(3, 2)),
            None => message,
        }
    }
}

/// A moment in nanoseconds since 1970.
pub(super) fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

/// A latency in nanoseconds.
pub(super) fn milliseconds(latency: f64) -> u64 {
    (latency.max(0.0) * 1e6) as u64
}
