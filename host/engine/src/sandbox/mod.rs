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
pub mod policy;
mod profile;
mod recorded;
mod refusing;
mod report;
mod sink;
mod task;
mod virtual_time;
mod worlds;

use std::{borrow::Cow, sync::Arc, time::Duration};

use wasmtime::{
    CallHook, Engine, Store,
    component::{Component, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub use backtrace::Frame;
use deadline::{CallTime, TimeIsOver, within};
use grade::GivenGrade;
pub use imports::{Call, CallIndex, LogLevel, LogLine, ModelPort};
use imports::{Log, ModelSession};
use limiter::Limiter;
pub use outcome::Failure;
pub use profile::{Profile, Profiler};
pub use report::Report;
use sink::Sink;
pub use task::{Answered, Attempt, LabelledExample, Task};
use virtual_time::Time;
use worlds::{Linked, LinkedScorer, v2::harness::mmh::harness::model};
pub use worlds::{PACKAGE, World, major};

use crate::memory::{MemoryBudget, Usual};
use mmh_record::{digest::Digest, grade::Grade, input::Input, limits::Limits, outcome::OutcomeKind, text};

/// After this much fuel a call pauses, and its deadline is checked. The number is small, because a host call costs a
/// few units of fuel and may have to take in megabytes.
const YIELD_FUEL: u64 = 20_000;

/// The same where components hand values to each other. Such a call costs a few dozen units of fuel, and may copy all of a
/// memory.
const YIELD_FUEL_OF_HANDOVERS: u64 = 200;

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

/// What a store holds for the host's functions.
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    time: Time,
    limiter: Limiter,
    model: ModelSession,
    log: Log,
    /// The fuel that was left when the guest called the host last.
    fuel_left: u64,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// What one call may use.
struct Bounds<'a> {
    limits: &'a Limits,
    /// The size of what it returns.
    result_bytes: u64,
    /// Processor time, without waiting for models.
    own_time: Duration,
    /// After so much fuel it pauses.
    pause_fuel: u64,
}

/// Runs harnesses and scorers. Cheap to share.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    limits: Limits,
    /// The memory of all calls at once, which may be shared with other sandboxes.
    memory: MemoryBudget,
    /// Whether traps come with a backtrace.
    with_lines: bool,
    /// Looks where the fuel goes.
    profiler: Option<Arc<Profiler>>,
}

/// A harness that is linked and ready to be called, any number of times at once.
pub struct Prepared {
    linked: Linked,
    /// After so much fuel a call pauses.
    pause_fuel: u64,
    /// What a call of `predict` usually takes, and one of `learn`.
    predict_takes: Usual,
    learn_takes: Usual,
}

/// A scorer that is linked and ready to be called, any number of times at once.
pub struct PreparedScorer {
    linked: LinkedScorer,
    /// After so much fuel a call pauses.
    pause_fuel: u64,
    /// What a call of `score` usually takes.
    score_takes: Usual,
}

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

    /// How a call ends in which it returned an error of its own.
    fn own_error(self) -> OutcomeKind {
        match self {
            Self::Harness => OutcomeKind::HarnessError,
            Self::Scorer => OutcomeKind::ScorerError,
        }
    }
}

impl Sandbox {
    /// A sandbox for components of this engine. `limits` hold for each call; all calls together may take any memory.
    pub fn new(engine: Engine, limits: Limits) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&engine);
        linking::add_to_linker(&mut linker)?;
        Ok(Self {
            engine,
            linker,
            limits,
            memory: MemoryBudget::unlimited(),
            with_lines: false,
            profiler: None,
        })
    }

    /// A sandbox whose traps come with a backtrace. Its engine is [`engine::with_lines`].
    pub fn with_lines(engine: Engine, limits: Limits) -> wasmtime::Result<Self> {
        Ok(Self { with_lines: true, ..Self::new(engine, limits)? })
    }

    /// A sandbox whose calls, one after the other, are looked at by this profiler. Its engine is [`engine::for_profiles`].
    pub fn profiled(engine: Engine, limits: Limits, profiler: Arc<Profiler>) -> wasmtime::Result<Self> {
        Ok(Self { profiler: Some(profiler), ..Self::with_lines(engine, limits)? })
    }

    /// The same sandbox, whose calls wait until their memory fits into this budget.
    pub fn sharing(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    /// The limits of each call.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The memory that all calls at once may take.
    pub fn memory(&self) -> &MemoryBudget {
        &self.memory
    }

    /// Links a component, inside of which components may hand values to each other. The failure says why it is no harness.
    pub fn prepare(&self, component: &Component, hands_over: bool) -> Result<Prepared, Failure> {
        let linked = self.linked(component, Guest::Harness, Linked::new)?;
        let pause_fuel = pause_fuel(hands_over);
        Ok(Prepared { linked, pause_fuel, predict_takes: Usual::default(), learn_takes: Usual::default() })
    }

    /// The same for a scorer.
    pub fn prepare_scorer(&self, component: &Component, hands_over: bool) -> Result<PreparedScorer, Failure> {
        let linked = self.linked(component, Guest::Scorer, LinkedScorer::new)?;
        let pause_fuel = pause_fuel(hands_over);
        Ok(PreparedScorer { linked, pause_fuel, score_takes: Usual::default() })
    }

    fn linked<T>(
        &self,
        component: &Component,
        guest: Guest,
        new: impl FnOnce(&Component, InstancePre<State>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let linked = self.imports(component).and_then(|linker| linker.instantiate_pre(component));
        let linked = linked.and_then(|linked| new(component, linked));
        linked.map_err(|error| {
            let message = format!("not a {}: {error:#}", guest.name());
            Failure::new(OutcomeKind::BadComponent, text::one_line(&message))
        })
    }

    /// What there is for a component to import.
    fn imports(&self, component: &Component) -> wasmtime::Result<Cow<'_, Linker<State>>> {
        if !refusing::are_imported(component, &self.engine) {
            return Ok(Cow::Borrowed(&self.linker));
        }
        let mut linker = self.linker.clone();
        refusing::add_to_linker(&mut linker, component, &self.engine)?;
        Ok(Cow::Owned(linker))
    }

    /// The bounds of a call for one example, which has no bound of its own for processor time.
    fn bounds_of_example(&self, pause_fuel: u64) -> Bounds<'_> {
        let result_bytes = self.limits.answer_bytes;
        Bounds { limits: &self.limits, result_bytes, own_time: Duration::MAX, pause_fuel }
    }

    /// Asks a harness for the answer to one input.
    pub async fn predict(
        &self,
        harness: &Prepared,
        setting: CallContext<'_>,
        input: &Input,
    ) -> Report<String> {
        let (bounds, takes) = (self.bounds_of_example(harness.pause_fuel), &harness.predict_takes);
        self.call(Guest::Harness, takes, &setting, &bounds, async |store| {
            harness.linked.predict(store, setting.task, setting.state, input).await
        })
        .await
        .and_within(("answer", "--answer-kib"), self.limits.answer_bytes, |answer| answer.len())
    }

    /// Offers a harness a batch of labelled examples, with the limits of [`Limits::of_batch`]. The result is its new state.
    pub async fn learn(
        &self,
        harness: &Prepared,
        setting: CallContext<'_>,
        batch: &[LabelledExample],
    ) -> Report<Vec<u8>> {
        let limits = self.limits.of_batch(batch.len());
        // A batch may be long, so the time of an evaluation is kept within it as well.
        let own_time = Duration::from_millis(limits.evaluation_ms.max(self.limits.example_wall_ms));
        let (result_bytes, pause_fuel) = (limits.state_bytes, harness.pause_fuel);
        let bounds = Bounds { limits: &limits, result_bytes, own_time, pause_fuel };
        self.call(Guest::Harness, &harness.learn_takes, &setting, &bounds, async |store| {
            harness.linked.learn(store, setting.task, setting.state, batch).await
        })
        .await
        .and_within(("state", "--state-mib"), self.limits.state_bytes, Vec::len)
    }

    /// Asks a scorer what an answer is worth. A grade that holds what no grade may hold is a failure.
    pub async fn score(
        &self,
        scorer: &PreparedScorer,
        setting: CallContext<'_>,
        answered: &Answered,
    ) -> Report<Grade> {
        let (bounds, takes) = (self.bounds_of_example(scorer.pause_fuel), &scorer.score_takes);
        self.call(Guest::Scorer, takes, &setting, &bounds, async |store| {
            scorer.linked.score(store, setting.task, answered).await
        })
        .await
        .and_then(GivenGrade::checked)
    }

    /// One call in a fresh store, from instantiation to its report. It begins as soon as there is room for the memory that
    /// such calls take.
    async fn call<T>(
        &self,
        guest: Guest,
        takes: &Usual,
        setting: &CallContext<'_>,
        bounds: &Bounds<'_>,
        invoke: impl AsyncFnOnce(&mut Store<State>) -> wasmtime::Result<Result<T, String>>,
    ) -> Report<T> {
        let limits = bounds.limits;
        let (stdout, stderr) = (Sink::new(limits.log_bytes), Sink::new(limits.log_bytes));
        // The state is copied into the call's memory.
        let at_least = setting.state.len() as u64;
        let share = self.memory.begin(takes.bytes().max(at_least), limits.memory_bytes).await;
        let time = CallTime::new(Duration::from_millis(limits.example_wall_ms));
        let limiter = Limiter::new(limits.memory_bytes, share, time.clone());
        let mut store = match self.store(setting, bounds, limiter, [&stdout, &stderr]) {
            Ok(store) => store,
            Err(error) => return Report::failed(Failure::new(OutcomeKind::Trap, format!("{error:#}"))),
        };
        // A host function may take time without using fuel.
        let until = time.clone();
        store.call_hook(move |mut store, hook| match hook {
            CallHook::CallingHost => {
                store.data_mut().fuel_left = store.get_fuel()?;
                Ok(())
            }
            CallHook::ReturningFromHost if until.is_over() => Err(TimeIsOver.into()),
            _ => Ok(()),
        });
        let call = profile::stepped(self.profiler.as_deref(), invoke(&mut store));
        let (ended, own_time) = within(&time, bounds.own_time, call).await;
        let fuel = limits.fuel - store.get_fuel().unwrap_or(0).min(limits.fuel);
        let mut state = store.into_data();
        takes.note(state.limiter.peak_bytes as u64);
        let (stdout, stderr) = (stdout.text(), stderr.text());
        state.model.room.take_output(&state.log.lines, [&stdout, &stderr]);
        let backtrace = match &ended {
            Some(Err(error)) if self.with_lines => backtrace::frames(error),
            _ => Vec::new(),
        };
        let result = match ended {
            None if own_time > bounds.own_time => Err(Failure::own_timeout(limits)),
            None => Err(Failure::timeout(limits)),
            Some(Ok(Ok(value))) => Ok(value),
            Some(Ok(Err(words))) => {
                let refused = state.limiter.refused_bytes;
                let of_memory = outcome::out_of_memory(&words, refused, limits);
                Err(of_memory.unwrap_or_else(|| own_error(guest, words, &state.model, limits)))
            }
            Some(Err(error)) if error.is::<TimeIsOver>() => Err(Failure::timeout(limits)),
            Some(Err(error)) => Err(outcome::classify(
                &error,
                &outcome::Evidence {
                    guest: guest.name(),
                    limits,
                    refused_memory_bytes: state.limiter.refused_bytes,
                    stderr: &stderr,
                    logs: &state.log.lines,
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
        match state.model.room.exceeded(limits) {
            Some(failure) => report.without_output(failure),
            None => report,
        }
    }

    fn store(
        &self,
        setting: &CallContext<'_>,
        bounds: &Bounds<'_>,
        limiter: Limiter,
        [stdout, stderr]: [&Sink; 2],
    ) -> wasmtime::Result<Store<State>> {
        let (time, limits) = (Time::default(), bounds.limits);
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM_BYTES);
        virtual_time::install(&mut wasi, &time.clock, setting.seed);
        let state = State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            time,
            model: ModelSession::new(setting.model.clone(), limits.clone(), limiter.time.clone()),
            limiter,
            log: Log::new(limits.log_bytes),
            fuel_left: limits.fuel,
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter_async(|state| &mut state.limiter);
        store.set_fuel(limits.fuel)?;
        store.fuel_async_yield_interval(Some(bounds.pause_fuel))?;
        if let Some(profiler) = &self.profiler {
            profiler.watch(&mut store, limits.fuel)?;
        }
        store.set_hostcall_fuel(self.handover_bytes(bounds.result_bytes));
        store.set_max_component_handles(MAX_HANDLES);
        Ok(store)
    }

    /// The most bytes that a harness within its limits hands to the host at once: in a batch, for one of its portions.
    fn handover_bytes(&self, result_bytes: u64) -> usize {
        let prompts = self.limits.prompt_bytes.saturating_mul(u64::from(self.limits.model_calls));
        let largest = prompts.max(result_bytes).max(self.limits.answer_bytes);
        usize::try_from(largest.saturating_add(1 << 20)).unwrap_or(usize::MAX)
    }
}

/// After how much fuel a call of a component pauses.
fn pause_fuel(hands_over: bool) -> u64 {
    if hands_over { YIELD_FUEL_OF_HANDOVERS } else { YIELD_FUEL }
}

/// The failure of a harness or a scorer that returned an error. The last error of the model tells its kind.
fn own_error(guest: Guest, words: String, session: &ModelSession, limits: &Limits) -> Failure {
    let limit = limits.answer_bytes as usize;
    let words = text::capped(&text::plain(&words), limit);
    let (mut usage, room) = (String::new(), &session.room);
    let kind = match &session.last_error {
        Some(model::Error::TooLarge(_)) if room.is_full => {
            let failure = room.failure(limits, "its model calls");
            let message = format!("{}; the {} said: {words}", failure.message, guest.name());
            return Failure::new(failure.kind, message);
        }
        None | Some(model::Error::Invalid(_)) => guest.own_error(),
        Some(model::Error::BudgetSpent) => {
            usage = "the limit is --budget-usd".into();
            OutcomeKind::BudgetSpent
        }
        Some(model::Error::CallLimit(_)) => {
            let (asked, limit) = (session.asked, limits.model_calls);
            usage = format!("{asked} model calls were made, the limit is {limit} (--model-calls)");
            OutcomeKind::CallLimit
        }
        Some(model::Error::TooLarge(_)) => {
            let [found, limit] = [session.refused_bytes, limits.prompt_bytes].map(text::bytes);
            usage = format!("the prompt has {found}, the limit is {limit} (--prompt-kib)");
            OutcomeKind::PromptLimit
        }
        Some(model::Error::Refused(_) | model::Error::Unavailable(_)) => OutcomeKind::ModelError,
    };
    let message = if usage.is_empty() { words } else { format!("{words}; {usage}") };
    Failure::new(kind, message)
}
