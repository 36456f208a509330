//! The WebAssembly engine's settings. Features that make a run depend on the machine are switched off.

use std::hash::{DefaultHasher, Hash, Hasher};

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

fn settings(details: WasmBacktraceDetails) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Our imports are async on the host's side only; the guest is sequential.
        .concurrency_support(false)
        // The memory of a Python or JavaScript runtime comes as a snapshot of 10 to 20 MB. A call maps it, and copies
        // the pages that it writes to.
        .memory_init_cow(true)
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
