//! The WebAssembly engine's settings. Features that make a run depend on the machine are switched off.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    num::NonZeroUsize,
};

use wasmtime::{Config, Engine, Result, WasmBacktraceDetails};

/// Most stack that a harness's calls may use, in bytes.
pub const STACK_BYTES: usize = 1 << 20;

/// The engine that compiles and runs harnesses. The child that compiles native code uses the same settings. Fails if
/// this processor is not supported.
pub fn new() -> Result<Engine> {
    // Named, because the default looks at a variable of the environment.
    Engine::new(&settings(WasmBacktraceDetails::Disable))
}

/// The same engine, which also knows the source lines of a trap, if the component has them. It counts the same fuel;
/// its native code is larger, and is cached separately.
pub fn with_lines() -> Result<Engine> {
    Engine::new(&settings(WasmBacktraceDetails::Enable))
}

/// Most frames of a stack that a profile knows. Those further out are left out.
const PROFILED_FRAMES: Option<NonZeroUsize> = NonZeroUsize::new(256);

/// An engine that also can be stopped for a look at the stack. It counts the same fuel; its native code looks at the epoch
/// in each loop, and is cached separately.
pub fn for_profiles() -> Result<Engine> {
    let mut settings = settings(WasmBacktraceDetails::Enable);
    Engine::new(settings.epoch_interruption(true).wasm_backtrace_max_frames(PROFILED_FRAMES))
}

/// What the engine can do for which native code is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CodeFor {
    /// Run.
    Plain,
    /// Also tell the source lines of a trap.
    Lines,
    /// Also be looked at while it runs.
    Profile,
}

impl CodeFor {
    /// The argument of the command, if it has one.
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Lines => Some("with-lines"),
            Self::Profile => Some("profile"),
        }
    }

    /// The mode that a command's argument means.
    pub fn of(argument: Option<&str>) -> Self {
        let known = [Self::Lines, Self::Profile].into_iter().find(|mode| mode.argument() == argument);
        known.unwrap_or(Self::Plain)
    }

    /// An engine of this mode. Fails if this processor is not supported.
    pub fn engine(self) -> Result<Engine> {
        match self {
            Self::Plain => new(),
            Self::Lines => with_lines(),
            Self::Profile => for_profiles(),
        }
    }
}

fn settings(details: WasmBacktraceDetails) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Our imports are async on the host's side only; the guest is sequential.
        .concurrency_support(false)
        // A mapped image is not paid for in fuel, a copied one is, and which of the two happens depends on the machine. So
        // it is copied always, also the snapshot of 10 to 20 MB that a Python or JavaScript runtime comes with.
        .memory_init_cow(false)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(2 * STACK_BYTES)
        .wasm_backtrace_details(details);
    config
}

/// What native code depends on besides the component: the engine's version and settings, and this
/// processor's features.
pub fn fingerprint(engine: &Engine) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    [&hasher.finish().to_le_bytes()[..], env!("CARGO_PKG_VERSION").as_bytes()].concat()
}
