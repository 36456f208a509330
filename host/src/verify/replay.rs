//! Runs a recorded evaluation again, with the recorded replies in place of the model.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{self, StreamExt};

use crate::{
    call::Called,
    dataset::Example,
    digest::Digest,
    evaluate::{self, request_digest},
    model::{CallError, ChatRequest, ModelError},
    pricing::Usd,
    record::format::{CallRow, LearnRow, TraceRow},
    sandbox::{ModelPort, OutcomeKind, Prepared, Sandbox, Setting, Task},
};

/// Examples that are run at once.
const AT_ONCE: usize = 8;

/// What a recorded evaluation needs to be run again. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    pub sandbox: Arc<Sandbox>,
    pub harness: Arc<Prepared>,
    pub task: Arc<Task>,
    pub seed: u64,
    /// The target model's id.
    pub model: String,
    pub calls: Arc<Calls>,
}

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

/// An example as it went this time.
pub struct Replayed {
    pub row: TraceRow,
    /// Prompts that are not in the record.
    pub unrecorded: Vec<String>,
}

impl Stage {
    /// Runs these examples again, in their order, with this state.
    pub async fn examples(&self, recorded: &[TraceRow], state: Arc<[u8]>) -> Vec<Replayed> {
        let wanted: Vec<(Example, f64)> = recorded.iter().map(example_of).collect();
        let mut runs = stream::iter(wanted)
            .map(|(example, latency_ms)| {
                let (this, state) = (self.clone(), state.clone());
                tokio::spawn(async move { this.example(&example, latency_ms, &state).await })
            })
            .buffered(AT_ONCE);
        let mut replayed = Vec::with_capacity(recorded.len());
        while let Some(run) = runs.next().await {
            // A task that panicked is a bug of the host's; its example is missing, which is seen.
            replayed.extend(run.ok());
        }
        replayed
    }

    async fn example(&self, example: &Example, latency_ms: f64, state: &[u8]) -> Replayed {
        let port = Arc::new(Recorded::new(self.calls.get(&example.id)));
        let report =
            self.sandbox.predict(&self.harness, self.setting(&example.id, state, &port), &example.input);
        let (row, _) = evaluate::trace_row(&self.model, example, latency_ms, report.await);
        Replayed { row, unrecorded: port.unrecorded() }
    }

    /// Learns again from the train split: what each batch did, and the state at the end, if there is one.
    pub async fn learn(&self, train: &[Example]) -> (Vec<LearnRow>, Option<Vec<u8>>) {
        let (mut rows, mut state) = (Vec::new(), Vec::new());
        for (batch, id, lessons) in evaluate::batches(train) {
            let port = Arc::new(Recorded::new(self.calls.get(&id)));
            let report = self.sandbox.learn(&self.harness, self.setting(&id, &state, &port), &lessons).await;
            rows.push(evaluate::learn_row(&self.model, batch, lessons.len(), &id, &report).0);
            match report.result {
                Ok(next) => state = next,
                Err(_) => return (rows, None),
            }
        }
        (rows, Some(state))
    }

    fn setting<'a>(&'a self, id: &str, state: &'a [u8], port: &Arc<Recorded>) -> Setting<'a> {
        let seed = evaluate::seed_of_call(self.seed, id);
        Setting { task: &self.task, state, seed, model: port.clone() }
    }
}

/// A recorded example, and how long it took.
pub fn example_of(row: &TraceRow) -> (Example, f64) {
    let (id, input, label) = (row.example_id.clone(), row.input.clone(), row.gold_label.clone());
    (Example { id, input, label }, row.latency_ms)
}

/// Whether an outcome depends on nothing but what is recorded.
pub fn is_replayable(row: &TraceRow) -> bool {
    row.error_kind != OutcomeKind::Timeout
}

/// Answers with what was answered before: the same request, as often as it was made.
pub struct Recorded {
    answers: HashMap<(Digest, u32), CallRow>,
    unrecorded: Mutex<Vec<String>>,
}

impl Recorded {
    pub fn new(rows: Option<&Vec<CallRow>>) -> Self {
        let mut answers = HashMap::new();
        for row in rows.into_iter().flatten() {
            // By the request itself: its recorded digest is one more thing that could be wrong.
            let digest = request_digest(&row.request);
            let draw = (0..).find(|draw| !answers.contains_key(&(digest, *draw))).unwrap_or(0);
            answers.insert((digest, draw), row.clone());
        }
        Self { answers, unrecorded: Mutex::default() }
    }

    /// What was answered, if this was asked.
    pub fn answer(&self, request: &ChatRequest, draw: u32) -> Option<Called> {
        let row = self.answers.get(&(request_digest(request), draw))?;
        let result = match (&row.reply, &row.failure) {
            (Some(reply), _) => Ok(reply.clone()),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Err(lost("the record has neither a reply nor an error")),
        };
        Some(Called {
            result,
            cost: Usd::from_f64(row.cost_usd),
            price_tier: row.price_tier,
            attempts: row.attempts,
            latency_ms: row.latency_ms,
            cached: row.cached,
        })
    }

    fn unrecorded(&self) -> Vec<String> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ModelPort for Recorded {
    async fn complete(&self, request: &Arc<ChatRequest>, draw: u32, _: Duration) -> Called {
        self.answer(request, draw).unwrap_or_else(|| {
            let mut unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
            unrecorded.push(request.prompt_text());
            Called::unasked(Err(lost("this request is not in the record")))
        })
    }
}

pub(crate) fn lost(why: &str) -> CallError {
    ModelError::Unavailable(why.into()).into()
}
