//! Where the fuel of a call goes: its stack, looked at each time when it has used a fixed amount of fuel.
//!
//! Fuel counts instructions, so a profile is the same at each repetition and on each machine. wasmtime pauses a call after
//! an amount of fuel, but shows the stack only to the callback of an epoch that has ended. So each pause ends the epoch, and
//! the callback comes at the next loop or function.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wasmtime::{Engine, Store, UpdateDeadline, WasmBacktrace};

use super::{
    State,
    backtrace::{Frame, frames_of},
};

/// What stands for the fuel that was used after the last look.
const REST: &str = "(after the last sample)";

/// What stands for the fuel of a look that has found no function, such as while an instance is made.
const NO_STACK: &str = "(outside of its functions)";

fn unnamed(what: &str) -> Frame {
    Frame { function: what.into(), file: None, line: None, column: None }
}

/// Looks at the calls of one sandbox. They have to come one after the other.
pub struct Profiler {
    engine: Engine,
    every: u64,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// Fuel that was used at the last look.
    used: u64,
    stacks: BTreeMap<Vec<Frame>, u64>,
}

/// Where the fuel of a call went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// All fuel.
    pub fuel: u64,
    /// Fuel between two looks, about.
    pub every: u64,
    /// Stacks, outermost frame first, and the fuel that was used up to a look that has found them. They add up to `fuel`.
    pub stacks: Vec<(Vec<Frame>, u64)>,
}

impl Profiler {
    /// Looks each time after so much fuel. The engine is one of [`for_profiles`](super::engine::for_profiles).
    pub fn new(engine: Engine, every: u64) -> Self {
        Self { engine, every: every.max(1), taken: Mutex::default() }
    }

    /// Prepares a call's store, which may use so much fuel.
    pub(super) fn watch(self: &Arc<Self>, store: &mut Store<State>, limit: u64) -> wasmtime::Result<()> {
        let this = self.clone();
        store.fuel_async_yield_interval(Some(self.every))?;
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |context| {
            let used = limit.saturating_sub(context.get_fuel().unwrap_or(limit));
            this.take(&WasmBacktrace::force_capture(&context), used);
            Ok(UpdateDeadline::Continue(1))
        });
        Ok(())
    }

    fn take(&self, backtrace: &WasmBacktrace, used: u64) {
        let mut stack = frames_of(backtrace);
        stack.reverse();
        if stack.is_empty() {
            stack.push(unnamed(NO_STACK));
        }
        let mut taken = self.taken();
        let fuel = used.saturating_sub(taken.used);
        taken.used = used;
        *taken.stacks.entry(stack).or_default() += fuel;
    }

    /// The profile of the call that has ended with so much fuel.
    pub fn profile(&self, fuel: u64) -> Profile {
        let Taken { used, mut stacks } = std::mem::take(&mut *self.taken());
        let rest = fuel.saturating_sub(used);
        if rest > 0 {
            stacks.insert(vec![unnamed(REST)], rest);
        }
        Profile {
            fuel,
            every: self.every,
            stacks: stacks.into_iter().filter(|(_, fuel)| *fuel > 0).collect(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call each of whose pauses ends the epoch, if it is looked at.
pub async fn stepped<T>(profiler: Option<&Profiler>, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if let Some(profiler) = profiler.filter(|_| polled.is_pending()) {
            profiler.engine.increment_epoch();
        }
        polled
    })
    .await
}
