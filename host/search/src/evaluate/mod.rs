//! Runs a harness over labelled examples: first `learn` over train, then `predict`, many at once.
//!
//! Labels stay on this side: a harness gets inputs, and gold labels of `train` only. Not in here: what a
//! score is (`score`) and where outcomes are kept (`record`, through [`Sink`]).

pub mod again;
mod lanes;
pub mod memo;
pub mod own_time;
pub mod recorded;
pub mod recorded_replies;
mod recording_model;
mod repeated;
pub mod replay;
pub mod replies;
pub mod sink;
mod target;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;

pub use own_time::EVALUATION_TIMEOUT;
use own_time::OwnTime;
pub use recorded::{RecordedEvaluation, Retry, Step};
use recorded_replies::request_digest;
use recording_model::RecordingModel;
pub use sink::Sink;
pub use target::Target;

use crate::{
    dataset::Example,
    progress::{EvalProgress, Event, Observer},
};
use mmh_engine::sandbox::{Call, CallContext, LabelledExample, LogLine, Prepared, Report, Sandbox, Task};
use mmh_models::cancel::Cancel;
use mmh_record::{
    RecordError,
    chat::{Block, CallOutcome, ChatRequest, Usage},
    clock::Clock,
    data::Split,
    digest::{Digest, KeyBuilder},
    format::{CallRow, ControlRow, Cost, LearnRow, LogRow, TaskInfo, TraceRow},
    limits::Limits,
    outcome::OutcomeKind,
    pricing::Usd,
};

/// Examples in one call of `learn`.
const BATCH_SIZE: usize = 20;

/// What every evaluation of a run has in common. Cheap to clone.
#[derive(Clone)]
pub struct Evaluator {
    pub sandbox: Arc<Sandbox>,
    pub target: Arc<Target>,
    pub task: Arc<Task>,
    pub seed: u64,
    pub concurrency: usize,
    /// What one example or one batch may take in the record, see [`record_share`].
    pub record_bytes: u64,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
}

/// The share that each example and each batch of `learn` has of what an evaluation may take in the record.
/// It is the same in every evaluation of a data set, so that a trial ends as the evaluation would.
pub fn record_share(limits: &Limits, sizes: &TaskInfo) -> u64 {
    let examples = sizes.val_size.max(sizes.test_size);
    let shares = batches_of(sizes.train_size).saturating_add(examples);
    limits.evaluation_record_bytes / (shares as u64).max(1)
}

/// A harness that has had its chance to learn.
#[derive(Clone)]
pub struct Learned {
    pub prepared: Arc<Prepared>,
    pub state: Arc<[u8]>,
    /// Fuel of all batches.
    pub fuel: u64,
    /// Time that they took, without waiting for models.
    pub own_time: Duration,
    pub cost: Cost,
}

impl Learned {
    /// A harness with a state that it learned before, at no cost now.
    pub fn with_state(prepared: Arc<Prepared>, state: impl Into<Arc<[u8]>>) -> Self {
        Self { prepared, state: state.into(), fuel: 0, own_time: Duration::ZERO, cost: Cost::default() }
    }
}

/// What came of offering a harness the train split.
pub enum Learning {
    Done(Learned),
    /// The harness has no state to be evaluated with.
    Failed {
        /// [`LEARN_FAILED`] or [`EVALUATION_TIMEOUT`].
        status: &'static str,
        /// The batch, and how it ended.
        reason: String,
        cost: Cost,
    },
    /// Somebody asked to stop.
    Interrupted {
        cost: Cost,
    },
}

/// Outcomes of the examples that were run, in the order of the examples.
pub struct Evaluation {
    pub rows: Vec<TraceRow>,
    pub cost: Cost,
    /// Whether every example was run.
    pub complete: bool,
    /// Why the harness was stopped before the last example, if its own code took too long.
    pub timed_out: Option<String>,
}

/// The status of a candidate that failed in `learn`.
pub const LEARN_FAILED: &str = "learn-failed";

impl Evaluator {
    /// Offers the harness all train examples, batch by batch. Batches that are on record are repeated, with
    /// the recorded replies: what they give is their state, which is not kept by itself.
    pub async fn learn(
        &self,
        prepared: Arc<Prepared>,
        train: &[Example],
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Result<Learning, RecordError> {
        let mut learned = Learned::with_state(prepared, []);
        if let Some(again) = past.again.as_ref().filter(|again| again.learned.is_some()) {
            return self.take_over(learned, again, past, sink);
        }
        let own_time = self.own_time(past, Duration::ZERO);
        for (batch, id, lessons) in batches(train) {
            if own_time.is_over() {
                return Ok(learn_timed_out(&own_time, batch, train.len(), learned.cost));
            }
            let step = past.batch(batch);
            if let (Step::Take(row), None) = (&step, &past.again) {
                learned.cost += recorded_cost(&*past.calls.get(&id)?);
                return Ok(learn_failed(row, learned.cost));
            }
            if matches!(step, Step::End) && past.is_timed_out() {
                return Ok(learn_timed_out(&own_time, batch, train.len(), learned.cost));
            }
            if matches!(step, Step::End) || self.cancel.is_cancelled() {
                return Ok(Learning::Interrupted { cost: learned.cost });
            }
            let journal = self.journal(&id, past, sink);
            let report = match (step, &past.again) {
                (Step::Take(row), Some(again)) => again.batch_report(&row, &past.calls.get(&id)?),
                _ => self.batch(&learned, &id, &lessons, &journal, past).await,
            };
            journal.finish(&report.calls)?;
            learned.cost += cost_of(&report.calls);
            let row = learn_row(self.target.id(), batch, lessons.len(), &report);
            learned.fuel = learned.fuel.saturating_add(row.fuel);
            own_time.add(report.own_time);
            learned.own_time = own_time.spent();
            match past.batches.get(batch) {
                Some(recorded) if past.again.is_none() => same_state(recorded, &row)?,
                _ => sink.batch(&row)?,
            }
            match report.result {
                Ok(state) => learned.state = state.into(),
                Err(_) => {
                    self.target.settle().await;
                    return Ok(learn_failed(&row, learned.cost));
                }
            }
        }
        self.target.settle().await;
        Ok(Learning::Done(learned))
    }

    /// Runs the harness over these examples, at most `concurrency` at once, and no more than the machine's memory
    /// has room for. Those that are on record are taken from there.
    pub async fn evaluate(
        &self,
        harness: &Learned,
        examples: &[Example],
        split: Split,
        iteration: Option<u32>,
        past: RecordedEvaluation,
        sink: Arc<dyn Sink>,
    ) -> Result<Evaluation, RecordError> {
        let standing = Arc::new(Mutex::new(EvalProgress {
            iteration,
            split: split.name().to_owned(),
            total: examples.len(),
            ..EvalProgress::default()
        }));
        let own_time = self.own_time(&past, harness.own_time);
        let queue =
            Arc::new(Queue { examples: examples.to_vec(), next: AtomicUsize::new(0), past, own_time });
        // A lane is one task that takes example after example: cheaper than a task for each.
        let memory_bytes = self.sandbox.limits().memory_bytes;
        let lanes = lanes::at_once(self.concurrency, examples.len(), memory_bytes);
        let lanes = (0..lanes).map(|_| {
            let (this, harness, queue) = (self.clone(), harness.clone(), queue.clone());
            let (sink, standing) = (sink.clone(), standing.clone());
            tokio::spawn(async move { this.lane(&harness, &queue, &sink, &standing).await })
        });
        let mut done = Vec::with_capacity(examples.len());
        for lane in join_all(lanes.collect::<Vec<_>>()).await {
            done.extend(lane.map_err(panicked)??);
        }
        // Whose trouble the last refusals were is known before anything is scored.
        self.target.settle().await;
        done.sort_by_key(|(at, _)| *at);
        let mut cost = Cost::default();
        done.iter().for_each(|(_, (_, spent))| cost += *spent);
        let ran = format!("{} of {} examples", done.len(), examples.len());
        let rows: Vec<TraceRow> = done.into_iter().filter_map(|(_, (row, _))| row).collect();
        let complete = rows.len() == examples.len();
        let is_over = queue.own_time.is_over() || queue.past.is_timed_out();
        let timed_out = (!complete && is_over).then(|| queue.own_time.reason(&ran));
        Ok(Evaluation { rows, cost, complete, timed_out })
    }

    /// Takes examples until there are none, or the harness has taken too long, or somebody asks to stop.
    async fn lane(
        &self,
        harness: &Learned,
        queue: &Queue,
        sink: &Arc<dyn Sink>,
        standing: &Mutex<EvalProgress>,
    ) -> Result<Vec<(usize, (Option<TraceRow>, Cost))>, RecordError> {
        let mut done = Vec::new();
        while !self.cancel.is_cancelled() && !queue.own_time.is_over() {
            let at = queue.next.fetch_add(1, Ordering::Relaxed);
            let Some(example) = queue.examples.get(at) else { break };
            let (row, cost) = match (queue.past.example(&example.id)?, &queue.past.again) {
                (Step::End, _) => match self.leave(&example.id, &queue.past, sink)? {
                    Some(cost) => (None, cost),
                    None => continue,
                },
                (Step::Take(row), None) => (Some(row), recorded_cost(&*queue.past.calls.get(&example.id)?)),
                (step, _) => self.one(harness, example, step, queue, sink).await?,
            };
            if let Some(row) = &row {
                self.tell(row, cost, standing);
            }
            done.push((at, (row, cost)));
        }
        Ok(done)
    }

    /// Runs the harness over an example. There is no outcome where a call was refused because the run is
    /// being stopped: whatever the harness made of that is not its doing.
    async fn one(
        &self,
        harness: &Learned,
        example: &Example,
        step: Step<TraceRow>,
        queue: &Queue,
        sink: &Arc<dyn Sink>,
    ) -> Result<(Option<TraceRow>, Cost), RecordError> {
        let stopwatch = self.clock.start();
        let past = &queue.past;
        let journal = self.journal(&example.id, past, sink);
        let report = match (&step, &past.again) {
            (Step::Take(row), Some(again)) => again.example_report(row, &past.calls.get(&example.id)?),
            _ => self.example(harness, example, &journal, past).await,
        };
        queue.own_time.add(report.own_time);
        journal.finish(&report.calls)?;
        let cost = cost_of(&report.calls);
        if report.calls.iter().any(|call| call.answer.was_cut_off()) {
            return Ok((None, cost));
        }
        let claimed = match step {
            Step::Run(claimed) => claimed,
            Step::Take(claimed) => Some(claimed),
            Step::End => None,
        };
        let latency_ms = claimed.as_ref().map_or_else(|| stopwatch.elapsed_ms(), |row| row.latency_ms);
        let row = match claimed.filter(|_| journal.is_lost()) {
            // It was noted, and must not be told again of everything that follows from it.
            Some(claimed) => claimed,
            None => trace_row(self.target.id(), example, latency_ms, report),
        };
        sink.example(&row)?;
        Ok((Some(row), cost))
    }

    /// Tells how the evaluation stands after one more example.
    fn tell(&self, row: &TraceRow, cost: Cost, standing: &Mutex<EvalProgress>) {
        let mut standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.done += 1;
        standing.correct += usize::from(row.correct);
        standing.errors += usize::from(row.error.is_some());
        standing.cost_usd += cost.estimated_usd;
        self.observer.on(Event::Evaluated(standing.clone()));
    }

    /// A harness's own time from here on. Made again, an evaluation takes as long as it takes.
    fn own_time(&self, past: &RecordedEvaluation, spent: Duration) -> OwnTime {
        match &past.again {
            None => OwnTime::new(self.sandbox.limits(), spent),
            Some(again) => OwnTime::claimed(&again.limits, again.timed_out.as_deref()),
        }
    }

    fn journal(&self, id: &str, past: &RecordedEvaluation, sink: &Arc<dyn Sink>) -> Arc<RecordingModel> {
        let journal = RecordingModel::new(id, self.target.clone(), past.calls.clone(), sink.clone());
        Arc::new(journal.again(past.again.clone()).replay(past.replay.clone()).within(self.record_bytes))
    }

    fn setting<'a>(&'a self, state: &'a [u8], id: &str, model: Arc<RecordingModel>) -> CallContext<'a> {
        CallContext { task: &self.task, state, seed: seed_of_call(self.seed, id), model }
    }
}

/// How learning ended with this batch.
fn learn_failed(row: &LearnRow, cost: Cost) -> Learning {
    let message = row.error.as_deref().unwrap_or_default();
    let reason = format!("learn failed at batch {}: {}: {message}", row.batch, row.error_kind.name());
    Learning::Failed { status: LEARN_FAILED, reason, cost }
}

/// How learning ended before this batch, because it took too long.
fn learn_timed_out(own_time: &OwnTime, batch: usize, train_size: usize, cost: Cost) -> Learning {
    let reason = own_time.reason(&format!("{batch} of {} batches of learn", batches_of(train_size)));
    Learning::Failed { status: EVALUATION_TIMEOUT, reason, cost }
}

/// A batch that is repeated gives the state that it gave before.
fn same_state(recorded: &LearnRow, repeated: &LearnRow) -> Result<(), RecordError> {
    if recorded.state_digest == repeated.state_digest {
        return Ok(());
    }
    let problem = format!("batch {} gave another state when it was repeated", recorded.batch);
    Err(RecordError::Damaged { file: sink::BATCHES.into(), problem })
}

/// What a call's randomness depends on: the run's seed, and the example or batch.
pub fn seed_of_call(seed: u64, id: &str) -> Digest {
    KeyBuilder::new("call").part("seed", seed.to_le_bytes()).part("id", id).finish()
}

/// The examples of each `learn` batch, with the batch's number and name.
pub fn batches(train: &[Example]) -> impl Iterator<Item = (usize, String, Vec<LabelledExample>)> {
    train.chunks(BATCH_SIZE).enumerate().map(|(batch, examples)| {
        let lesson = |it: &Example| LabelledExample { input: it.input.clone(), gold: it.label.clone() };
        (batch, batch_id(batch), examples.iter().map(lesson).collect())
    })
}

/// How many batches so many train examples make.
pub fn batches_of(train_size: usize) -> usize {
    train_size.div_ceil(BATCH_SIZE)
}

/// A batch's name where examples have their ids.
pub fn batch_id(batch: usize) -> String {
    format!("learn-{batch:04}")
}

/// The examples of an evaluation, and which one is next.
struct Queue {
    examples: Vec<Example>,
    next: AtomicUsize,
    past: RecordedEvaluation,
    own_time: OwnTime,
}

/// A task of ours panicked: a bug of the host, not of a candidate.
fn panicked(error: tokio::task::JoinError) -> RecordError {
    RecordError::Damaged { file: "the evaluation".into(), problem: error.to_string() }
}

/// What is recorded of an example.
pub fn trace_row(model: &str, example: &Example, latency_ms: f64, report: Report<String>) -> TraceRow {
    let calls = &report.calls;
    let usage = total_usage(calls);
    let (predicted_label, failure) = match report.result {
        Ok(label) => (Some(label), None),
        Err(failure) => (None, Some(failure)),
    };
    let correct = predicted_label.as_deref().is_some_and(|label| example.is_answered_by(label));
    TraceRow {
        example_id: example.id.clone(),
        model: model.to_owned(),
        input: example.input.clone(),
        gold_label: example.label.clone(),
        predicted_label,
        correct,
        latency_ms,
        input_tokens: usage.total_input_tokens(),
        output_tokens: usage.output_tokens,
        error_kind: failure.as_ref().map_or(OutcomeKind::Ok, |failure| failure.kind),
        error: failure.map(|failure| failure.message),
        fuel: report.fuel,
        peak_memory_bytes: report.peak_memory_bytes,
        model_calls: calls.len() as u32,
        cached_calls: calls.iter().filter(|call| call.answer.cached).count() as u32,
        prompt_bytes: calls.iter().map(|call| prompt_bytes(&call.request)).sum(),
        logs: log_rows(&report.logs),
        stdout: report.stdout,
        stderr: report.stderr,
    }
}

/// What is recorded of a batch.
pub fn learn_row(model: &str, batch: usize, n_examples: usize, report: &Report<Vec<u8>>) -> LearnRow {
    let (state, failure) = (report.result.as_ref().ok(), report.result.as_ref().err());
    LearnRow {
        batch,
        model: model.to_owned(),
        n_examples,
        error: failure.map(|failure| failure.message.clone()),
        error_kind: failure.map_or(OutcomeKind::Ok, |failure| failure.kind),
        fuel: report.fuel,
        peak_memory_bytes: report.peak_memory_bytes,
        model_calls: report.calls.len() as u32,
        state_bytes: state.map_or(0, |state| state.len() as u64),
        state_digest: state.map(Digest::of),
        logs: log_rows(&report.logs),
    }
}

/// What is recorded of a model call.
pub fn call_row(model: &str, id: &str, at: u32, request: &ChatRequest, answer: &CallOutcome) -> CallRow {
    CallRow {
        example_id: id.to_owned(),
        call: at,
        model: model.to_owned(),
        request_digest: request_digest(request),
        request: request.clone(),
        reply: answer.result.as_ref().ok().cloned(),
        error: answer.result.as_ref().err().map(ToString::to_string),
        failure: answer.result.as_ref().err().cloned(),
        usage: usage_of(answer),
        cached: answer.cached,
        cost_usd: answer.cost.as_f64(),
        price_tier: answer.price_tier,
        attempts: answer.attempts,
        latency_ms: answer.latency_ms,
        control: answer.control.map(ControlRow::of),
    }
}

fn log_rows(lines: &[LogLine]) -> Vec<LogRow> {
    lines.iter().map(|line| LogRow { level: line.level.to_owned(), message: line.message.clone() }).collect()
}

fn usage_of(answer: &CallOutcome) -> Usage {
    answer.result.as_ref().map(|reply| reply.usage).unwrap_or_default()
}

fn total_usage<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Usage {
    let mut usage = Usage::default();
    calls.into_iter().for_each(|call| usage += usage_of(&call.answer));
    usage
}

/// What was paid for: a reply that was kept from before is not, a control request is.
fn cost_of(calls: &[Call]) -> Cost {
    let paid = calls.iter().filter(|call| !call.answer.cached);
    let controls = paid.clone().filter_map(|call| call.answer.control);
    let (mut usage, mut cost) = (total_usage(paid.clone()), paid.map(|call| call.answer.cost).sum());
    for control in controls {
        usage += control.usage;
        cost += control.cost;
    }
    Cost::of_target(usage, Usd::as_f64(cost))
}

/// The same of calls that are on record.
pub fn recorded_cost<'a>(calls: impl IntoIterator<Item = &'a CallRow>) -> Cost {
    let (mut usage, mut cost) = (Usage::default(), Usd::ZERO);
    for call in calls.into_iter().filter(|call| !call.cached) {
        usage += call.usage;
        cost += Usd::from_f64(call.cost_usd);
        if let Some(control) = call.control {
            usage += control.usage;
            cost += Usd::from_f64(control.cost_usd);
        }
    }
    Cost::of_target(usage, cost.as_f64())
}

/// All text of a request.
fn prompt_bytes(request: &ChatRequest) -> u64 {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let text = |block: &Block| match block {
        Block::Text { text } => text.len(),
        _ => 0,
    };
    (request.system.as_ref().map_or(0, String::len) + blocks.map(text).sum::<usize>()) as u64
}
