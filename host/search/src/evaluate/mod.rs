//! Runs a harness over labelled examples: first `learn` over train, then `predict`, many at once.
//!
//! A harness gets inputs, and the gold labels of `train` only. Not in here: the score (`score`), and where outcomes are
//! kept (`mmh-record`, through [`Sink`]).

pub(crate) mod again;
mod batches;
mod grading;
mod learn;
mod look;
pub(crate) mod memo;
mod online;
mod outcome;
mod own_time;
mod recorded;
pub mod recorded_replies;
mod recording_model;
mod repeated;
pub mod replay;
pub mod replies;
pub mod sink;
mod standing;
mod target;
pub mod trials;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use grading::Graded;

pub use batches::{Lessons, batch_id, plan, planned};
pub use grading::seed_of_grading;
pub use look::{FirstLook, SCREENED_OUT, WITHOUT_MODEL};
use look::{Keeping, ends};
use outcome::InOrder;
pub use outcome::Outcome;
pub use own_time::EVALUATION_TIMEOUT;
use own_time::OwnTime;
pub use recorded::{Purpose, RecordedEvaluation, Retry, Step};
use recorded_replies::request_digest;
use recording_model::RecordingModel;
pub use sink::Sink;
use standing::Standing;
pub use target::Target;

use crate::{
    dataset::Example,
    dataset::task::TaskKind,
    progress::{Event, Observer},
    times::Times,
};
use mmh_engine::{
    build::Built,
    runner::{HarnessCall, LearnedState, Runner, Trained},
    sandbox::{Call, LogLine, Report, Task},
};
use mmh_models::{cancel::Cancel, metering::Account};
use mmh_record::{
    RecordError,
    chat::{Block, CallOutcome, ChatRequest, Usage},
    clock::Clock,
    data::Split,
    digest::{Digest, KeyBuilder},
    format::{CallRow, ControlRow, Cost, LearnRow, LogRow, OnlineScore, Protocol, TaskInfo, TraceRow},
    limits::Limits,
    outcome::OutcomeKind,
    pricing::Usd,
    trial,
};

/// What all evaluations of a run have in common. Cheap to clone.
#[derive(Clone)]
pub struct Evaluator {
    /// Runs the calls into harnesses.
    pub runner: Arc<dyn Runner>,
    /// Answers their model calls.
    pub target: Arc<Target>,
    /// What an example asks, and what an answer is worth.
    pub kind: Arc<dyn TaskKind>,
    /// The task, which harnesses are told.
    pub task: Arc<Task>,
    /// The run's seed, from which the randomness of all calls is derived.
    pub seed: u64,
    /// Most examples at once.
    pub concurrency: usize,
    /// How harnesses learn.
    pub lessons: Lessons,
    /// Most bytes of one example or one portion of a batch in the record, see [`record_share`].
    pub record_bytes: u64,
    /// Measures latencies.
    pub clock: Clock,
    /// Where it is counted what the time goes to.
    pub times: Arc<Times>,
    /// Told about each example.
    pub observer: Arc<dyn Observer>,
    /// Stops an evaluation before its next example.
    pub cancel: Cancel,
}

/// The bytes that each example and each portion of a batch may take in the record: equal shares of the evaluation's limit.
/// All evaluations of a data set have the same shares, so that a trial ends like the evaluation.
pub fn record_share(limits: &Limits, sizes: &TaskInfo, learn_batches: &[usize], protocol: &Protocol) -> u64 {
    let examples = sizes.val_size.max(sizes.test_size) as u64;
    let outcomes = examples.saturating_mul(protocol.trials.into());
    let shares = Lessons::new(learn_batches, protocol).shares(sizes.train_size).saturating_add(outcomes);
    limits.evaluation_record_bytes / shares.max(1)
}

/// A harness after `learn`.
#[derive(Clone)]
pub struct Learned {
    /// The harness and its state.
    pub trained: Trained,
    /// Fuel of all batches.
    pub fuel: u64,
    /// Processor time of all batches, without waiting for models.
    pub own_time: Duration,
    /// What the model calls of `learn` cost, and those of predictions while learning.
    pub cost: Cost,
    /// What the predictions while learning scored, in the online protocol.
    pub online: Option<Box<OnlineScore>>,
}

impl Learned {
    /// A harness with a state from before. Fuel, time and cost are zero.
    pub fn with_state(built: Built, state: impl Into<Arc<[u8]>>) -> Self {
        let trained = Trained { built, state: LearnedState::new(state) };
        Self { trained, fuel: 0, own_time: Duration::ZERO, cost: Cost::default(), online: None }
    }

    /// What it has learned; empty if that is nothing.
    pub fn state(&self) -> &Arc<[u8]> {
        self.trained.state.bytes()
    }
}

/// The result of offering a harness the train split.
pub enum Learning {
    /// It has learned.
    Done(Learned),
    /// It failed, so it has no state to be evaluated with.
    Failed {
        /// [`LEARN_FAILED`] or [`EVALUATION_TIMEOUT`].
        status: &'static str,
        /// The batch, and how it ended.
        reason: String,
        /// What its model calls cost.
        cost: Cost,
    },
    /// A stop was requested.
    Interrupted {
        /// What the model calls cost until then.
        cost: Cost,
    },
}

/// The examples of one evaluation.
#[derive(Clone, Copy)]
pub struct ExampleSet<'a> {
    /// The examples, in the order of their outcomes.
    pub examples: &'a [Example],
    /// The split that they belong to, for progress.
    pub split: Split,
    /// The iteration that is evaluated, for progress; nothing outside of a search and when a proposer tries a harness.
    pub iteration: Option<u32>,
    /// How often each example is evaluated. With more than one trial each has an id of its own, such as `val-0007~2`.
    pub trials: u32,
}

impl<'a> ExampleSet<'a> {
    /// Examples of a split, each once, for no iteration.
    pub fn new(split: Split, examples: &'a [Example]) -> Self {
        Self { examples, split, iteration: None, trials: 1 }
    }

    /// How many outcomes there will be.
    pub fn outcomes(&self) -> usize {
        self.examples.len().saturating_mul(self.trials.max(1) as usize)
    }
}

/// The result of an evaluation.
pub struct Evaluation<R = TraceRow> {
    /// What is kept of the examples that were run, in the order of the examples and of their trials.
    pub rows: Vec<R>,
    /// What the model calls cost, those of interrupted examples included.
    pub cost: Cost,
    /// Whether every example was run.
    pub complete: bool,
    /// Why the harness was stopped before the last example, if its own code took too long.
    pub timed_out: Option<String>,
    /// Why a first look at it ended the evaluation, if it did.
    pub dropped: Option<String>,
}

/// The status of a candidate that failed in `learn`.
pub const LEARN_FAILED: &str = "learn-failed";

impl Evaluator {
    /// The same evaluator, whose model calls are billed to this account of the run's budget, and which stops with it.
    pub fn billed_to(&self, account: &Account) -> Self {
        let cancel = account.cancel.clone();
        Self { target: Arc::new(self.target.billed_to(account)), cancel, ..self.clone() }
    }

    /// Runs the harness over these examples: at most `concurrency` at once, and no more than the runner has
    /// room for. Recorded outcomes are taken from `past`; new ones go to `sink`.
    pub fn evaluate<'a>(
        &'a self,
        harness: &'a Learned,
        set: ExampleSet<'a>,
        past: RecordedEvaluation,
        sink: Arc<dyn Sink>,
    ) -> BoxFuture<'a, Result<Evaluation, RecordError>> {
        self.evaluate_keeping(harness, set, past, sink, std::convert::identity)
    }

    /// The same for callers who need less than whole rows, of which all together may not fit into memory. `keep` says what
    /// is kept of each, after `sink` has got it.
    pub fn evaluate_keeping<'a, R: Send + 'static>(
        &'a self,
        harness: &'a Learned,
        set: ExampleSet<'a>,
        past: RecordedEvaluation,
        sink: Arc<dyn Sink>,
        keep: fn(TraceRow) -> R,
    ) -> BoxFuture<'a, Result<Evaluation<R>, RecordError>> {
        Box::pin(self.run_alone(harness, set, past, sink, Keeping { keep, look: None }))
    }

    /// The same with a first look, after which the other examples may not be run.
    pub fn evaluate_screened<'a>(
        &'a self,
        harness: &'a Learned,
        set: ExampleSet<'a>,
        past: RecordedEvaluation,
        sink: Arc<dyn Sink>,
        look: Option<FirstLook<'a, Outcome>>,
    ) -> BoxFuture<'a, Result<Evaluation<Outcome>, RecordError>> {
        let keep = |row: TraceRow| Outcome::of(&row);
        Box::pin(self.run_alone(harness, set, past, sink, Keeping { keep, look }))
    }

    async fn run_alone<R: Send + 'static>(
        &self,
        harness: &Learned,
        set: ExampleSet<'_>,
        past: RecordedEvaluation,
        sink: Arc<dyn Sink>,
        keeping: Keeping<'_, TraceRow, R>,
    ) -> Result<Evaluation<R>, RecordError> {
        let standing = Arc::new(Mutex::new(Standing::new(set, set.outcomes(), self)));
        let (done, _) = self.run_set(harness, set, (past, sink, standing), keeping).await?;
        Ok(done)
    }

    /// The same, with the progress so far. Gives the time of the harness's own code as well, learning included.
    async fn run_set<R: Send + 'static>(
        &self,
        harness: &Learned,
        set: ExampleSet<'_>,
        (past, sink, standing): (RecordedEvaluation, Arc<dyn Sink>, Arc<Mutex<Standing>>),
        Keeping { keep, look }: Keeping<'_, TraceRow, R>,
    ) -> Result<(Evaluation<R>, Duration), RecordError> {
        let ExampleSet { examples, trials, .. } = set;
        let own_time = self.own_time(&past, harness.own_time);
        let (next, end) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let queue = Arc::new(Queue { examples: examples.to_vec(), trials, next, end, past, own_time });
        // A lane is one task that takes example after example: cheaper than a task for each.
        let done = Arc::new(Mutex::new(InOrder::default()));
        let mut dropped = None;
        let all = set.outcomes();
        for end in ends(set, look) {
            queue.open(end);
            let lanes = self.concurrency.min(all).max(1);
            let lanes = (0..lanes).map(|_| {
                let (this, harness, queue) = (self.clone(), harness.clone(), queue.clone());
                let (sink, standing, done) = (sink.clone(), standing.clone(), done.clone());
                let done = move |at, row: Option<TraceRow>, cost| {
                    let row = row.map(keep);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(at, row, cost);
                };
                tokio::spawn(async move { this.lane(&harness, &queue, &sink, &standing, done).await })
            });
            for lane in join_all(lanes.collect::<Vec<_>>()).await {
                lane.map_err(panicked)??;
            }
            // Nothing is scored before it is known whose fault the last refusals were.
            self.target.settle().await;
            let rows = &done.lock().unwrap_or_else(PoisonError::into_inner).rows;
            dropped = look.filter(|_| end < all && rows.len() == end).and_then(|it| (it.drops)(rows));
            if dropped.is_some() || rows.len() < end {
                break;
            }
        }
        let done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
        let InOrder { rows, cost, count, .. } = done.whole();
        let ran = format!("{count} of {}", trial::counted(examples.len(), trials));
        let complete = rows.len() == set.outcomes();
        let is_over = queue.own_time.is_over() || queue.past.is_timed_out();
        let timed_out = (!complete && is_over).then(|| queue.own_time.reason(&ran));
        let timed_out = timed_out.filter(|_| dropped.is_none());
        Ok((Evaluation { rows, cost, complete, timed_out, dropped }, queue.own_time.spent()))
    }

    /// Runs examples until there are none left, the harness has taken too long, or a stop is requested.
    async fn lane(
        &self,
        harness: &Learned,
        queue: &Queue,
        sink: &Arc<dyn Sink>,
        standing: &Mutex<Standing>,
        done: impl Fn(usize, Option<TraceRow>, Cost),
    ) -> Result<(), RecordError> {
        while !self.cancel.is_cancelled() && !queue.own_time.is_over() {
            let at = queue.next.fetch_add(1, Ordering::Relaxed);
            let Some(example) = &queue.at(at) else { break };
            let (row, cost) = match (queue.past.example(&example.id)?, queue.past.again()) {
                (Step::End, _) => match self.leave(&example.id, &queue.past, sink)? {
                    Some(cost) => (None, cost),
                    None => continue,
                },
                (Step::Take(row), None) => (Some(row), queue.past.cost_of_example(&example.id)?),
                (step, _) => self.one(harness, example, step, queue, sink).await?,
            };
            if let Some(row) = &row {
                self.tell(row, cost, standing);
            }
            done(at, row, cost);
        }
        Ok(())
    }

    /// Runs the harness over an example. There is no outcome if a call was refused because the run is being stopped: the
    /// harness is not responsible for what follows.
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
        let journal = self.journal(&example.id, 1, past, sink);
        let report = match (&step, past.again()) {
            (Step::Take(row), Some(again)) => again.example_report(row, &past.calls.get(&example.id)?),
            _ => self.example(harness, example, &journal, past).await,
        };
        queue.own_time.add(report.own_time);
        journal.finish(&report.calls)?;
        let mut cost = cost_of(&report.calls);
        if report.calls.iter().any(|call| call.answer.was_cut_off()) {
            return Ok((None, cost));
        }
        let claimed = match step {
            Step::Run(claimed) => claimed,
            Step::Take(claimed) => Some(claimed),
            Step::End => None,
        };
        let latency_ms = claimed.as_ref().map_or_else(|| stopwatch.elapsed_ms(), |row| row.latency_ms);
        let row = match claimed.clone().filter(|_| journal.is_lost()) {
            // The missing reply is a finding already. Its consequences must not become further ones.
            Some(claimed) => claimed,
            None => {
                let answer = report.result.as_deref().ok();
                let graded = self.graded(example, answer, claimed.as_ref(), (past, sink)).await?;
                cost += graded.cost;
                match claimed.filter(|_| graded.is_lost) {
                    _ if graded.is_cut_off => return Ok((None, cost)),
                    Some(claimed) => claimed,
                    None => self.trace_row(example, latency_ms, report, graded),
                }
            }
        };
        sink.example(&row)?;
        Ok((Some(row), cost))
    }

    /// Runs the harness over one example and gives the whole report. Nothing is recorded.
    pub async fn run_once(
        &self,
        harness: &Learned,
        example: &Example,
        past: &RecordedEvaluation,
    ) -> Report<String> {
        let sink: Arc<dyn Sink> = Arc::new(sink::Discard);
        let journal = self.journal(&example.id, 1, past, &sink);
        self.example(harness, example, &journal, past).await
    }

    /// The record of an example.
    fn trace_row(
        &self,
        example: &Example,
        latency_ms: f64,
        report: Report<String>,
        graded: Graded,
    ) -> TraceRow {
        let calls = &report.calls;
        let usage = total_usage(calls);
        let (predicted_label, failure) = match report.result {
            Ok(label) => (Some(label), None),
            Err(failure) => (None, Some(failure)),
        };
        TraceRow {
            example_id: example.id.clone(),
            model: self.target.id().to_owned(),
            input: example.input.text.clone(),
            fields: example.input.fields.clone(),
            gold_label: example.gold.clone(),
            predicted_label,
            correct: false,
            score: None,
            parts: BTreeMap::new(),
            scorer: graded.scorer,
            latency_ms,
            input_tokens: usage.total_input_tokens(),
            output_tokens: usage.output_tokens,
            error_kind: failure.as_ref().map_or(OutcomeKind::Ok, |failure| failure.kind),
            error: failure.map(|failure| failure.message),
            fuel: report.fuel,
            peak_memory_bytes: report.peak_memory_bytes,
            model_calls: calls.len() as u32,
            cached_calls: calls.iter().filter(|call| call.answer.cached).count() as u32,
            estimated_calls: calls.iter().filter(|call| is_estimated(&call.answer)).count() as u32,
            prompt_bytes: calls.iter().map(|call| prompt_bytes(&call.request)).sum(),
            logs: log_rows(&report.logs),
            stdout: report.stdout,
            stderr: report.stderr,
        }
        .with_grade(graded.grade)
    }

    /// Reports the progress after one more example.
    fn tell(&self, row: &TraceRow, cost: Cost, standing: &Mutex<Standing>) {
        let mut standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = standing.add(row, cost);
        // The lock is held, so that no observer sees an earlier progress after a later one.
        self.observer.on(Event::Evaluated(progress));
    }

    /// The clock of a harness's own time. A repeated evaluation has no limit.
    fn own_time(&self, past: &RecordedEvaluation, spent: Duration) -> OwnTime {
        match past.again() {
            None => OwnTime::new(self.runner.limits(), spent),
            Some(again) => OwnTime::claimed(&again.limits, again.timed_out.as_deref()),
        }
    }

    /// The model of a call for an example or a batch, which has so many shares of the record.
    fn journal(
        &self,
        id: &str,
        shares: u64,
        past: &RecordedEvaluation,
        sink: &Arc<dyn Sink>,
    ) -> Arc<RecordingModel> {
        let journal = RecordingModel::new(id, self.target.clone(), past.calls.clone(), sink.clone());
        let room_bytes = self.record_bytes.saturating_mul(shares);
        let journal = journal.with(past.purpose.clone()).within(room_bytes);
        Arc::new(journal.timed_by(self.times.clone()))
    }

    /// A call into the harness for this example or batch.
    fn call<I>(&self, harness: &Learned, id: &str, input: I) -> HarnessCall<I> {
        harness.trained.call(&self.task, seed_of_call(self.seed, id), input)
    }
}

/// The seed of a call's randomness, made of the run's seed and the id of the example or batch.
pub fn seed_of_call(seed: u64, id: &str) -> Digest {
    KeyBuilder::new("call").part("seed", seed.to_le_bytes()).part("id", id).finish()
}

/// The examples of an evaluation with the number of their trials, and the place of the next one.
struct Queue {
    examples: Vec<Example>,
    trials: u32,
    next: AtomicUsize,
    /// Where the part ends that is run now.
    end: AtomicUsize,
    past: RecordedEvaluation,
    own_time: OwnTime,
}

impl Queue {
    /// Goes on up to this place, after all before it was run.
    fn open(&self, end: usize) {
        self.next.store(self.end.swap(end, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The example at a place, if its turn has come.
    fn at(&self, place: usize) -> Option<Example> {
        let is_open = place < self.end.load(Ordering::Relaxed);
        is_open.then(|| trials::at(&self.examples, self.trials, place)).flatten()
    }
}

/// The error of a panic in a task of the host, which is no candidate's fault.
fn panicked(error: tokio::task::JoinError) -> RecordError {
    RecordError::Damaged { file: "the evaluation".into(), problem: error.to_string() }
}

/// The record of a batch.
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

/// The record of a model call.
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
    lines
        .iter()
        .map(|line| LogRow { level: line.level.name().to_owned(), message: line.message.clone() })
        .collect()
}

fn usage_of(answer: &CallOutcome) -> Usage {
    answer.result.as_ref().map(|reply| reply.usage).unwrap_or_default()
}

/// Whether the provider did not tell the tokens of a reply.
fn is_estimated(answer: &CallOutcome) -> bool {
    answer.result.as_ref().is_ok_and(|reply| reply.usage_estimated)
}

fn total_usage<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Usage {
    let mut usage = Usage::default();
    calls.into_iter().for_each(|call| usage += usage_of(&call.answer));
    usage
}

/// The cost of these calls. Replies from the cache cost nothing; control requests count.
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

/// The same for recorded calls.
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

/// Bytes of all text in a request.
fn prompt_bytes(request: &ChatRequest) -> u64 {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let text = |block: &Block| match block {
        Block::Text { text } => text.len(),
        _ => 0,
    };
    (request.system.as_ref().map_or(0, String::len) + blocks.map(text).sum::<usize>()) as u64
}
