//! Runs one call of a harness or of a scorer in a fresh store, under limits, and says how it ended.
//!
//! Only what a call returns survives it: memory, clocks, randomness and handles start anew. The model is reached
//! through [`ModelPort`] only. A harness is never told the gold answer of an example that it predicts.

mod backtrace;
mod deadline;
pub mod engine;
mod grade;
mod imports;
mod limiter;
mod linking;
mod outcome;
mod recorded;
mod sink;
mod task;
mod virtual_time;
mod worlds;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use wasmtime::{
    CallHook, Engine, Store,
    component::{Component, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub use backtrace::Frame;
use deadline::{TimeIsOver, within};
use grade::GivenGrade;
pub use imports::{Call, CallIndex, LogLevel, LogLine, ModelPort};
use imports::{Log, ModelSession};
use limiter::Limiter;
pub use outcome::Failure;
use sink::Sink;
pub use task::{Answered, Attempt, LabelledExample, Task};
use virtual_time::Time;
use worlds::{Linked, LinkedScorer, v2::harness::mmh::harness::model};
pub use worlds::{PACKAGE, World, major};

use mmh_record::{digest::Digest, grade::Grade, input::Input, limits::Limits, outcome::OutcomeKind, text};

/// After this much fuel a call pauses, and its deadline is checked. The number is small, because a host call costs a
/// few units of fuel and may have to take in megabytes.
const YIELD_FUEL: u64 = 20_000;

/// Most random bytes that a harness gets at once. Rust's standard library asks for a handful.
const MAX_RANDOM_BYTES: u64 = 4 << 10;

/// Most component-model handles at once. A Rust guest holds a handful.
const MAX_HANDLES: usize = 1_000;

/// What one call needs besides its arguments.
pub struct CallContext<'a> {
    /// The task, which the harness is told.
    pub task: &'a Task,
    /// What `learn` returned last; empty before the first time. A scorer has no state and is not told it.
    pub state: &'a [u8],
    /// Where the call's randomness comes from: a digest of the run's seed and the example.
    pub seed: Digest,
    /// Answers the call's requests to the model.
    pub model: Arc<dyn ModelPort>,
}

/// A call that has ended, and what it used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report<T> {
    /// What the call returned, or why it returned nothing.
    pub result: Result<T, Failure>,
    /// Units of fuel that it used.
    pub fuel: u64,
    /// Processor time of the call with its host functions, without waiting for a model. It differs from machine to
    /// machine, and no score depends on it.
    pub own_time: Duration,
    /// The largest sum of all its memories.
    pub peak_memory_bytes: u64,
    /// Its model calls, in the order of the requests.
    pub calls: Vec<Call>,
    /// What it logged, up to the limit. Empty if the call took too much room in the record.
    pub logs: Vec<LogLine>,
    /// What it printed: the start and the end, if it is longer than its limit.
    pub stdout: String,
    /// The same of its standard error, with the message of a panic.
    pub stderr: String,
    /// Where a trap happened, innermost frame first. Empty unless the sandbox is one of [`Sandbox::with_lines`].
    pub backtrace: Vec<Frame>,
}

/// What a store holds for the host's functions.
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    time: Time,
    limiter: Limiter,
    model: ModelSession,
    log: Log,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Runs harnesses and scorers. Cheap to share.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    limits: Limits,
    /// Whether traps come with a backtrace.
    with_lines: bool,
}

/// A harness that is linked and ready to be called, any number of times at once.
pub struct Prepared(Linked);

/// A scorer that is linked and ready to be called, any number of times at once.
pub struct PreparedScorer(LinkedScorer);

/// What a call runs, for messages.
#[derive(Clone, Copy)]
enum Guest {
    Harness,
    Scorer,
}

impl Guest {
    fn name(self) -> &'static str {
        match self {
            Self::Harness => "harness",
            Self::Scorer => "scorer",
        }
    }
}

impl Sandbox {
    /// A sandbox for components of this engine. `limits` hold for each call.
    pub fn new(engine: Engine, limits: Limits) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        linking::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker, limits, with_lines: false })
    }

    /// A sandbox whose traps come with a backtrace. Its engine is [`engine::with_lines`].
    pub fn with_lines(engine: Engine, limits: Limits) -> wasmtime::Result<Self> {
        Ok(Self { with_lines: true, ..Self::new(engine, limits)? })
    }

    /// The limits of each call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Links a component. The failure says why it is no harness.
    pub fn prepare(&self, component: &Component) -> Result<Prepared, Failure> {
        self.linked(component, Guest::Harness, Linked::new).map(Prepared)
    }

    /// Links a component. The failure says why it is no scorer.
    pub fn prepare_scorer(&self, component: &Component) -> Result<PreparedScorer, Failure> {
        self.linked(component, Guest::Scorer, LinkedScorer::new).map(PreparedScorer)
    }

    fn linked<T>(
        &self,
        component: &Component,
        guest: Guest,
        new: impl FnOnce(&Component, InstancePre<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let linked = self.linker.instantiate_pre(component).and_then(|linked| new(component, linked));
        linked.map_err(|error| {
            let message = format!("not a {}: {error:#}", guest.name());
            Failure::new(OutcomeKind::BadComponent, text::one_line(&message))
        })
    }

    /// Asks a harness for the answer to one input.
    pub async fn predict(
        &self,
        harness: &Prepared,
        setting: CallContext<'_>,
        input: &Input,
    ) -> Report<String> {
        self.call(Guest::Harness, &setting, self.limits.answer_bytes, async |store| {
            harness.0.predict(store, setting.task, setting.state, input).await
        })
        .await
        .and_within("answer", self.limits.answer_bytes, |answer| answer.len())
    }

    /// Offers a harness a batch of labelled examples. The result is its new state.
    pub async fn learn(
        &self,
        harness: &Prepared,
        setting: CallContext<'_>,
        batch: &[LabelledExample],
    ) -> Report<Vec<u8>> {
        self.call(Guest::Harness, &setting, self.limits.state_bytes, async |store| {
            harness.0.learn(store, setting.task, setting.state, batch).await
        })
        .await
        .and_within("state", self.limits.state_bytes, Vec::len)
    }

    /// Asks a scorer what an answer is worth. A grade that holds what no grade may hold is a failure.
    pub async fn score(
        &self,
        scorer: &PreparedScorer,
        setting: CallContext<'_>,
        answered: &Answered,
    ) -> Report<Grade> {
        self.call(Guest::Scorer, &setting, self.limits.answer_bytes, async |store| {
            scorer.0.score(store, setting.task, answered).await
        })
        .await
        .and_then(GivenGrade::checked)
    }

    /// One call in a fresh store, from instantiation to its report. It may return `result_bytes` bytes.
    async fn call<T>(
        &self,
        guest: Guest,
        setting: &CallContext<'_>,
        result_bytes: u64,
        invoke: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<Result<T, String>>,
    ) -> Report<T> {
        let (stdout, stderr) = (Sink::new(self.limits.log_bytes), Sink::new(self.limits.log_bytes));
        let mut store = match self.store(setting, result_bytes, &stdout, &stderr) {
            Ok(store) => store,
            Err(error) => return Report::failed(Failure::new(OutcomeKind::Trap, format!("{error:#}"))),
        };
        let wall = Duration::from_millis(self.limits.example_wall_ms);
        let deadline = Instant::now() + wall;
        // A host function may take time without using fuel.
        store.call_hook(move |_, hook| match hook {
            CallHook::ReturningFromHost if Instant::now() >= deadline => Err(TimeIsOver.into()),
            _ => Ok(()),
        });
        let (ended, own_time) = within(wall, invoke(&mut store)).await;
        let fuel = self.limits.fuel - store.get_fuel().unwrap_or(0).min(self.limits.fuel);
        let mut state = store.into_data();
        let (stdout, stderr) = (stdout.text(), stderr.text());
        state.model.room.take_output(&state.log.lines, [&stdout, &stderr]);
        let backtrace = match &ended {
            Some(Err(error)) if self.with_lines => backtrace::frames(error),
            _ => Vec::new(),
        };
        let result = match ended {
            None => Err(Failure::timeout(&self.limits)),
            Some(Ok(Ok(value))) => Ok(value),
            Some(Ok(Err(words))) => Err(self.own_error(guest, words, &state.model)),
            Some(Err(error)) if error.is::<TimeIsOver>() => Err(Failure::timeout(&self.limits)),
            Some(Err(error)) => Err(outcome::classify(
                &error,
                &outcome::Evidence {
                    guest: guest.name(),
                    limits: &self.limits,
                    refused_memory_bytes: state.limiter.refused_bytes,
                    stderr: &stderr,
                },
            )),
        };
        let report = Report {
            result,
            fuel,
            own_time,
            peak_memory_bytes: state.limiter.peak_bytes as u64,
            calls: state.model.calls,
            logs: state.log.lines,
            stdout,
            stderr,
            backtrace,
        };
        match state.model.room.exceeded(&self.limits) {
            Some(failure) => report.without_output(failure),
            None => report,
        }
    }

    fn store(
        &self,
        setting: &CallContext<'_>,
        result_bytes: u64,
        stdout: &Sink,
        stderr: &Sink,
    ) -> wasmtime::Result<Store<State>> {
        let time = Time::default();
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM_BYTES);
        virtual_time::install(&mut wasi, &time.clock, setting.seed);
        let state = State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            time,
            limiter: Limiter::new(self.limits.memory_bytes),
            model: ModelSession::new(setting.model.clone(), self.limits.clone()),
            log: Log::new(self.limits.log_bytes),
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_fuel(self.limits.fuel)?;
        store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
        store.set_hostcall_fuel(self.handover_bytes(result_bytes));
        store.set_max_component_handles(MAX_HANDLES);
        Ok(store)
    }

    /// The most bytes that a harness within its limits hands to the host at once.
    fn handover_bytes(&self, result_bytes: u64) -> usize {
        let prompts = self.limits.prompt_bytes.saturating_mul(u64::from(self.limits.model_calls));
        let largest = prompts.max(result_bytes).max(self.limits.answer_bytes);
        usize::try_from(largest.saturating_add(1 << 20)).unwrap_or(usize::MAX)
    }

    /// The failure of a harness or a scorer that returned an error. The last error of the model tells its kind.
    fn own_error(&self, guest: Guest, words: String, session: &ModelSession) -> Failure {
        let limit = self.limits.answer_bytes as usize;
        let words = text::capped(&text::plain(&words), limit);
        let kind = match &session.last_error {
            Some(model::Error::TooLarge(_)) if session.room.is_full => {
                let failure = session.room.failure(&self.limits, "its model calls");
                let message = format!("{}; the {} said: {words}", failure.message, guest.name());
                return Failure::new(failure.kind, message);
            }
            None | Some(model::Error::Invalid(_)) => OutcomeKind::HarnessError,
            Some(model::Error::BudgetSpent) => OutcomeKind::BudgetSpent,
            Some(model::Error::CallLimit(_)) => OutcomeKind::CallLimit,
            Some(model::Error::TooLarge(_)) => OutcomeKind::PromptLimit,
            Some(model::Error::Refused(_) | model::Error::Unavailable(_)) => OutcomeKind::ModelError,
        };
        Failure::new(kind, words)
    }
}

impl<T> Report<T> {
    fn failed(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            fuel: 0,
            own_time: Duration::ZERO,
            peak_memory_bytes: 0,
            calls: Vec::new(),
            logs: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
            backtrace: Vec::new(),
        }
    }

    /// The same report with this failure, and without logs and output, which are then not recorded.
    fn without_output(self, failure: Failure) -> Self {
        let (logs, stdout, stderr) = (Vec::new(), String::new(), String::new());
        let failure = match self.result {
            // A call that the wall clock has stopped could have ended in any way later.
            Err(ended) if ended.kind == OutcomeKind::Timeout => ended,
            _ => failure,
        };
        Self { result: Err(failure), logs, stdout, stderr, ..self }
    }

    /// Turns the result into another one, or into a failure.
    fn and_then<U>(self, checked: impl FnOnce(T) -> Result<U, Failure>) -> Report<U> {
        Report {
            result: self.result.and_then(checked),
            fuel: self.fuel,
            own_time: self.own_time,
            peak_memory_bytes: self.peak_memory_bytes,
            calls: self.calls,
            logs: self.logs,
            stdout: self.stdout,
            stderr: self.stderr,
            backtrace: self.backtrace,
        }
    }

    /// Turns a result that is too large into a failure.
    fn and_within(mut self, what: &str, limit: u64, size: impl FnOnce(&T) -> usize) -> Self {
        let size = self.result.as_ref().map_or(0, size) as u64;
        if size > limit {
            let (size, limit) = (text::bytes(size), text::bytes(limit));
            let message = format!("the {what} has {size}, more than the limit of {limit}");
            self.result = Err(Failure::new(OutcomeKind::OutputLimit, message));
        }
        self
    }
}
