//! From a component to a harness or a scorer that is ready to be called, where nothing is compiled from source: what a
//! machine needs that only runs calls.

use std::sync::Arc;

use mmh_record::limits::Limits;
use wasmtime::Engine;

use crate::{
    build::{prepare, prepare_scorer},
    built::{Built, BuiltScorer},
    cache::Cache,
    compile::{BuildResult, Origin, admit, native::Precompiler},
    jail::Jail,
    memory::MemoryBudget,
    sandbox::{Sandbox, engine},
};

/// Makes loaders for different limits, which share one engine, one cache and one budget for memory.
pub struct Loaders {
    engine: Engine,
    jail: Jail,
    cache: Cache,
    memory: MemoryBudget,
}

/// Loads components, and has the sandbox that runs them.
pub struct Loader {
    precompiler: Precompiler,
    /// Runs what was loaded.
    pub sandbox: Arc<Sandbox>,
}

impl Loaders {
    /// Fails only if the WebAssembly engine cannot start.
    pub fn new(jail: Jail, cache: Cache, memory: MemoryBudget) -> wasmtime::Result<Self> {
        Ok(Self { engine: engine::new()?, jail, cache, memory })
    }

    /// A loader whose components and calls have these limits.
    pub fn with(&self, limits: &Limits) -> wasmtime::Result<Loader> {
        let (engine, jail, cache) = (self.engine.clone(), self.jail.clone(), self.cache.clone());
        let sandbox = Sandbox::new(engine.clone(), limits.clone())?.sharing(self.memory.clone());
        let precompiler = Precompiler::new(engine, jail, cache, limits.clone());
        Ok(Loader { precompiler, sandbox: Arc::new(sandbox) })
    }
}

impl Loader {
    /// Makes a harness of a component, after all checks.
    pub async fn harness(&self, component: Vec<u8>) -> BuildResult<Built> {
        match admit(component, Origin::Given, self.sandbox.limits(), false) {
            Ok(component) => prepare(&self.precompiler, &self.sandbox, component, None).await,
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// Makes a scorer of a component, after all checks.
    pub async fn scorer(&self, component: Vec<u8>) -> BuildResult<BuiltScorer> {
        match admit(component, Origin::Given, self.sandbox.limits(), false) {
            Ok(component) => prepare_scorer(&self.precompiler, &self.sandbox, component, None).await,
            Err(rejection) => Ok(Err(rejection)),
        }
    }
}
