//! Finds recorded replies by their requests.

use std::{collections::HashMap, sync::OnceLock};

pub use mmh_record::stored::{Sketch, Stored};
use mmh_record::{
    chat::{CallError, CallOutcome, ChatRequest, ModelError},
    digest::Digest,
    format::{CallRow, ControlRow},
    pricing::Usd,
};

/// Recorded calls by example or batch.
pub type Calls = Stored<CallRow>;

/// Rows of `model_calls.jsonl` by the example or batch that they belong to.
pub fn by_example(rows: Vec<CallRow>) -> HashMap<String, Vec<CallRow>> {
    let mut calls: HashMap<String, Vec<CallRow>> = HashMap::new();
    for row in rows {
        calls.entry(row.example_id.clone()).or_default().push(row);
    }
    calls
}

/// The recorded calls of one example or batch, which can be found by their requests.
#[derive(Default)]
pub struct RecordedReplies {
    rows: Vec<CallRow>,
    found: OnceLock<Found>,
}

/// Recorded calls by their requests.
struct Found {
    /// The row of a request at a position among the calls.
    by_place: HashMap<(Digest, u32), usize>,
    /// The row of a request after a number of equal ones, at any position.
    by_draw: HashMap<(Digest, u32), usize>,
}

impl RecordedReplies {
    /// The recorded calls in these rows, which may be in any order.
    pub fn new(rows: &[CallRow]) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.call);
        Self { rows, found: OnceLock::new() }
    }

    /// The rows by request, computed once. Most often there are none, and then no request is digested.
    fn found(&self) -> Option<&Found> {
        let found = || {
            let (mut by_place, mut by_draw, mut draws) = (HashMap::new(), HashMap::new(), HashMap::new());
            for (at, row) in self.rows.iter().enumerate() {
                // The digest is computed, because the recorded one could be wrong.
                let digest = request_digest(&row.request);
                let draw = draws.entry(digest).or_insert(0);
                by_place.insert((digest, row.call), at);
                by_draw.insert((digest, *draw), at);
                *draw += 1;
            }
            Found { by_place, by_draw }
        };
        (!self.rows.is_empty()).then(|| self.found.get_or_init(found))
    }

    /// The outcome of a request after `draw` equal ones, if it is on record. A harness may ask in another order than the
    /// recorded one.
    pub fn find(&self, request: &ChatRequest, draw: u32) -> Option<CallOutcome> {
        let found = self.found()?.by_draw.get(&(request_digest(request), draw));
        found.map(|at| called(&self.rows[*at]))
    }

    /// The recorded call of this request at exactly this position.
    pub fn at(&self, request: &ChatRequest, call: u32) -> Option<&CallRow> {
        let found = self.found()?.by_place.get(&(request_digest(request), call));
        found.map(|at| &self.rows[*at])
    }

    /// How long the recorded call at this position took, in ms, whatever its request was.
    pub fn latency_ms(&self, call: u32) -> Option<f64> {
        self.rows.iter().find(|row| row.call == call).map(|row| row.latency_ms)
    }
}

/// The outcome of a recorded call.
pub fn called(row: &CallRow) -> CallOutcome {
    let result = match (&row.reply, &row.failure) {
        (Some(reply), _) => Ok(reply.clone()),
        (None, Some(failure)) => Err(failure.clone()),
        (None, None) => Err(lost("the record has neither a reply nor an error")),
    };
    CallOutcome {
        result,
        cost: Usd::from_f64(row.cost_usd),
        price_tier: row.price_tier,
        attempts: row.attempts,
        latency_ms: row.latency_ms,
        cached: row.cached,
        control: row.control.map(ControlRow::control),
    }
}

/// The error that a harness gets for a reply that is not on record.
pub fn lost(why: &str) -> CallError {
    ModelError::Unavailable(why.into()).into()
}

/// The digest of a request, which names it in the record.
pub fn request_digest(request: &ChatRequest) -> Digest {
    Digest::of(serde_json::to_vec(request).unwrap_or_default())
}
