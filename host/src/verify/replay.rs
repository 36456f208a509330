//! Runs a recorded evaluation again, with the recorded replies in place of the model.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{self, StreamExt};

use crate::{
    call::Called,
    dataset::Example,
    evaluate::{
        self,
        answers::{Answers, Calls, lost},
    },
    model::ChatRequest,
    record::format::{CallRow, LearnRow, TraceRow},
    sandbox::{ModelPort, OutcomeKind, Place, Prepared, Sandbox, Setting, Task},
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
        let row = evaluate::trace_row(&self.model, example, latency_ms, report.await);
        Replayed { row, unrecorded: port.unrecorded() }
    }

    /// Learns again from the train split: what each batch did, and the state at the end, if there is one.
    pub async fn learn(&self, train: &[Example]) -> (Vec<LearnRow>, Option<Vec<u8>>) {
        let (mut rows, mut state) = (Vec::new(), Vec::new());
        for (batch, id, lessons) in evaluate::batches(train) {
            let port = Arc::new(Recorded::new(self.calls.get(&id)));
            let report = self.sandbox.learn(&self.harness, self.setting(&id, &state, &port), &lessons).await;
            rows.push(evaluate::learn_row(&self.model, batch, lessons.len(), &report));
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

/// Answers with what was answered before, and remembers what was not.
struct Recorded {
    answers: Answers,
    unrecorded: Mutex<Vec<String>>,
}

impl Recorded {
    fn new(rows: Option<&Vec<CallRow>>) -> Self {
        Self { answers: Answers::new(rows), unrecorded: Mutex::default() }
    }

    fn unrecorded(&self) -> Vec<String> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ModelPort for Recorded {
    async fn complete(&self, request: &Arc<ChatRequest>, place: Place, _: Duration) -> Called {
        self.answers.find(request, place.draw).unwrap_or_else(|| {
            let mut unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
            unrecorded.push(request.prompt_text());
            Called::unasked(Err(lost("this request is not in the record")))
        })
    }
}
