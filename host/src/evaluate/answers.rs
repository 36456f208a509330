//! Replies that are on record, found by the request that they answered.

use std::collections::HashMap;

use crate::{
    call::Called,
    digest::Digest,
    model::{CallError, ChatRequest, ModelError},
    pricing::Usd,
    record::format::{CallRow, ControlRow},
};

/// Recorded calls by example or batch.
pub type Calls = HashMap<String, Vec<CallRow>>;

/// Rows of `model_calls.jsonl`, by whom they belong to.
pub fn by_example(rows: Vec<CallRow>) -> Calls {
    let mut calls = Calls::new();
    for row in rows {
        calls.entry(row.example_id.clone()).or_default().push(row);
    }
    calls
}

/// The recorded calls of one example or batch: the same request, as often as it was made.
#[derive(Default)]
pub struct Answers(HashMap<(Digest, u32), CallRow>);

impl Answers {
    pub fn new(rows: Option<&Vec<CallRow>>) -> Self {
        let mut rows: Vec<&CallRow> = rows.into_iter().flatten().collect();
        rows.sort_by_key(|row| row.call);
        let (mut answers, mut draws) = (HashMap::new(), HashMap::new());
        for row in rows {
            // By the request itself: its recorded digest is one more thing that could be wrong.
            let digest = request_digest(&row.request);
            let draw = draws.entry(digest).or_insert(0);
            answers.insert((digest, *draw), row.clone());
            *draw += 1;
        }
        Self(answers)
    }

    /// What was answered, if it is on record.
    pub fn find(&self, request: &ChatRequest, draw: u32) -> Option<Called> {
        // Most often there is nothing on record, and then no request is digested.
        (!self.0.is_empty()).then(|| self.0.get(&(request_digest(request), draw))).flatten().map(called)
    }
}

/// A recorded call, as it ended.
fn called(row: &CallRow) -> Called {
    let result = match (&row.reply, &row.failure) {
        (Some(reply), _) => Ok(reply.clone()),
        (None, Some(failure)) => Err(failure.clone()),
        (None, None) => Err(lost("the record has neither a reply nor an error")),
    };
    Called {
        result,
        cost: Usd::from_f64(row.cost_usd),
        price_tier: row.price_tier,
        attempts: row.attempts,
        latency_ms: row.latency_ms,
        cached: row.cached,
        control: row.control.map(ControlRow::control),
    }
}

/// What a harness is told of a reply that is not on record.
pub fn lost(why: &str) -> CallError {
    ModelError::Unavailable(why.into()).into()
}

/// The name of a request in the record.
pub fn request_digest(request: &ChatRequest) -> Digest {
    Digest::of(serde_json::to_vec(request).unwrap_or_default())
}
