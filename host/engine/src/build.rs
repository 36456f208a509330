//! From a source, or a component from anywhere, to a harness or a scorer that is ready to be called.
//!
//! Puts `compile`, `compile::native` and `sandbox` together; each keeps its own limits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;

pub use crate::built::{Built, BuiltScorer};
use crate::{
    cache::Cache,
    compile::{
        BuildResult, CompileError, Compiler, Component, Language, Origin, Rejection, RejectionKind, admit,
        native::{Ahead, Precompiler},
    },
    jail::Jail,
    memory::MemoryBudget,
    runner::Runner,
    sandbox::{
        Failure, Profiler, Sandbox,
        engine::{self, CodeFor},
    },
};
use mmh_record::{baseline::Baseline, digest::Digest, limits::Limits, text};

/// Builds harnesses, and remembers its verdicts on sources.
pub struct Builder {
    /// From source to component.
    pub compiler: Compiler,
    /// From component to native code.
    pub precompiler: Precompiler,
    /// Runs what was built. Its limits also decide which components are loaded.
    pub sandbox: Arc<Sandbox>,
    /// Verdicts on earlier sources, which are not compiled again.
    known: Known,
    /// Where calls run, if not here.
    elsewhere: Option<Elsewhere>,
}

/// How many verdicts are remembered.
const MAX_KNOWN: usize = 1_000;

/// Verdicts on sources, by the digests of the sources.
#[derive(Default)]
struct Known(Mutex<HashMap<Digest, Result<Built, Rejection>>>);

impl Known {
    fn all(&self) -> MutexGuard<'_, HashMap<Digest, Result<Built, Rejection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Builder {
    /// Puts a builder together, whose calls share `memory`. Fails only if the WebAssembly engine cannot start.
    pub fn new(
        language: impl Language + 'static,
        jail: Jail,
        cache: Cache,
        limits: Limits,
        memory: MemoryBudget,
    ) -> wasmtime::Result<Self> {
        let engine = engine::new()?;
        let sandbox = Arc::new(Sandbox::new(engine.clone(), limits.clone())?.sharing(memory));
        let compiler = Compiler::new(language, jail.clone(), cache.clone(), limits.clone());
        let precompiler = Precompiler::new(engine, jail, cache, limits);
        Ok(Self::of(compiler, precompiler, sandbox))
    }

    /// A builder of these parts, which share one engine and the same limits.
    pub fn of(compiler: Compiler, precompiler: Precompiler, sandbox: Arc<Sandbox>) -> Self {
        Self { compiler, precompiler, sandbox, known: Known::default(), elsewhere: None }
    }

    /// The same builder, whose harnesses are called by this runner, with so many calls at once where nobody says how many.
    pub fn running_on(self, runner: Arc<dyn Runner>, at_once: usize) -> Self {
        Self { elsewhere: Some(Elsewhere { runner, at_once }), ..self }
    }

    /// Runs the calls into what was built: the sandbox of this process, unless another runner was named.
    pub fn runner(&self) -> Arc<dyn Runner> {
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.runner.clone(),
            None => self.sandbox.clone(),
        }
    }

    /// How many calls keep all processors busy that there are to run them.
    pub fn at_once(&self) -> usize {
        let here = || std::thread::available_parallelism().map_or(1, usize::from);
        self.elsewhere.as_ref().map_or_else(here, |it| it.at_once)
    }

    /// Remembers the verdict on a source: [`Self::build`] returns it without compiling. So a component of other
    /// tools can take the place of the one that the source compiles to. The first 1,000 verdicts are kept.
    pub fn remember(&self, source: &str, verdict: Result<Built, Rejection>) {
        let mut known = self.known.all();
        if known.len() < MAX_KNOWN {
            known.insert(Digest::of(source), verdict);
        }
    }

    /// Whether the verdict on a source is remembered.
    pub fn knows(&self, source: &str) -> bool {
        let known = self.known.all();
        !known.is_empty() && known.contains_key(&Digest::of(source))
    }

    fn recall(&self, source: &str) -> Option<Result<Built, Rejection>> {
        let known = self.known.all();
        if known.is_empty() { None } else { known.get(&Digest::of(source)).cloned() }
    }

    /// Compiles, checks imports, compiles to native code, links.
    pub fn build<'a>(&'a self, source: &'a str) -> BoxFuture<'a, BuildResult<Built>> {
        Box::pin(async move {
            if let Some(verdict) = self.recall(source) {
                return Ok(verdict);
            }
            match self.compiled(source).await? {
                Ok((component, ahead)) => prepare(&self.precompiler, &self.sandbox, component, ahead).await,
                Err(rejection) => Ok(Err(rejection)),
            }
        })
    }

    /// Makes a harness of a component that was compiled before, after the same checks.
    pub fn load(&self, component: Vec<u8>) -> BoxFuture<'_, BuildResult<Built>> {
        Box::pin(async move {
            if let Some(built) = self.loaded(&component) {
                return Ok(Ok(built));
            }
            match admit(component, Origin::Given, self.sandbox.limits(), false) {
                Ok(component) => prepare(&self.precompiler, &self.sandbox, component, None).await,
                Err(rejection) => Ok(Err(rejection)),
            }
        })
    }

    /// Makes a harness of what a search starts from.
    pub fn build_baseline<'a>(&'a self, baseline: &'a Baseline) -> BoxFuture<'a, BuildResult<Built>> {
        match baseline {
            Baseline::Source(source) => self.build(source),
            Baseline::Component(component) => self.load(component.to_vec()),
        }
    }

    /// Makes a scorer of a source, as [`Self::build`] makes a harness. Its verdicts are not remembered.
    pub fn build_scorer<'a>(&'a self, source: &'a str) -> BoxFuture<'a, BuildResult<BuiltScorer>> {
        Box::pin(async move {
            match self.compiled(source).await? {
                Ok((component, ahead)) => self.ready_scorer(component, ahead).await,
                Err(rejection) => Ok(Err(rejection)),
            }
        })
    }

    /// Makes a scorer of a component that was compiled before, after the same checks.
    pub fn load_scorer(&self, component: Vec<u8>) -> BoxFuture<'_, BuildResult<BuiltScorer>> {
        Box::pin(async move {
            match admit(component, Origin::Given, self.sandbox.limits(), false) {
                Ok(component) => self.ready_scorer(component, None).await,
                Err(rejection) => Ok(Err(rejection)),
            }
        })
    }

    /// The remembered harness that has this component.
    fn loaded(&self, component: &[u8]) -> Option<Built> {
        let known = self.known.all();
        if known.is_empty() {
            return None;
        }
        let digest = Digest::of(component);
        known
            .values()
            .filter_map(|verdict| verdict.as_ref().ok())
            .find(|it| it.component.digest == digest)
            .cloned()
    }

    /// Builds a harness whose traps name source lines, and the sandbox that it runs in. It uses the same fuel and
    /// makes the same predictions as the harness that is scored, but it is another component.
    pub async fn build_with_lines(&self, source: &str) -> BuildResult<(Arc<Sandbox>, Built)> {
        let component = match self.compiler.compile_with_lines(source).await? {
            Ok(component) => component,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let broken = |error: wasmtime::Error| CompileError::Native(format!("{error:#}"));
        let engine = engine::with_lines().map_err(broken)?;
        let sandbox = Sandbox::with_lines(engine.clone(), self.sandbox.limits().clone()).map_err(broken)?;
        let sandbox = sandbox.sharing(self.sandbox.memory().clone());
        let built =
            prepare(&self.precompiler.with_mode(CodeFor::Lines, engine), &sandbox, component, None).await?;
        Ok(built.map(|built| (Arc::new(sandbox), built)))
    }

    /// Builds a harness whose fuel is looked at each time after `every` units, and the sandbox that it runs in. With its source
    /// the stacks have lines; else they have what the component tells of its functions.
    pub async fn build_profiled(
        &self,
        source: Option<&str>,
        component: &Component,
        every: u64,
    ) -> BuildResult<(Arc<Sandbox>, Built, Arc<Profiler>)> {
        let component = match source {
            None => component.clone(),
            Some(source) => match self.compiler.compile_with_lines(source).await? {
                Ok(component) => component,
                Err(rejection) => return Ok(Err(rejection)),
            },
        };
        let broken = |error: wasmtime::Error| CompileError::Native(format!("{error:#}"));
        let engine = CodeFor::Profile.engine().map_err(broken)?;
        let profiler = Arc::new(Profiler::new(engine.clone(), every));
        let limits = self.sandbox.limits().clone();
        let sandbox = Sandbox::profiled(engine.clone(), limits, profiler.clone()).map_err(broken)?;
        let sandbox = sandbox.sharing(self.sandbox.memory().clone());
        let precompiler = self.precompiler.with_mode(CodeFor::Profile, engine);
        let built = prepare(&precompiler, &sandbox, component, None).await?;
        Ok(built.map(|built| (Arc::new(sandbox), built, profiler)))
    }

    /// Compiles a source. The child that compiles to native code starts beside the compiler, if there is anything to compile.
    async fn compiled(&self, source: &str) -> BuildResult<(Component, Option<Ahead>)> {
        let ahead = match self.compiler.has(source) {
            true => None,
            false => Some(self.precompiler.start()?),
        };
        Ok(self.compiler.compile(source).await?.map(|component| (component, ahead)))
    }

    async fn ready_scorer(&self, component: Component, ahead: Option<Ahead>) -> BuildResult<BuiltScorer> {
        prepare_scorer(&self.precompiler, &self.sandbox, component, ahead).await
    }
}

/// Where the calls into what was built run: on other machines.
struct Elsewhere {
    runner: Arc<dyn Runner>,
    at_once: usize,
}

/// Compiles a scorer to native code, and links it.
pub(crate) async fn prepare_scorer(
    precompiler: &Precompiler,
    sandbox: &Sandbox,
    component: Component,
    ahead: Option<Ahead>,
) -> BuildResult<BuiltScorer> {
    let native = match precompiler.load(&component, ahead).await? {
        Ok(native) => native,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let prepared = sandbox.prepare_scorer(&native, component.hands_over).map_err(rejected);
    Ok(prepared.map(|prepared| BuiltScorer { component, prepared: Arc::new(prepared) }))
}

/// Compiles to native code, in the child that was started ahead, if there is one, and links.
pub(crate) async fn prepare(
    precompiler: &Precompiler,
    sandbox: &Sandbox,
    component: Component,
    ahead: Option<Ahead>,
) -> BuildResult<Built> {
    let native = match precompiler.load(&component, ahead).await? {
        Ok(native) => native,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let prepared = sandbox.prepare(&native, component.hands_over).map_err(rejected);
    Ok(prepared.map(|prepared| Built { component, prepared: Arc::new(prepared) }))
}

/// The rejection of a component that cannot be linked.
fn rejected(failure: Failure) -> Rejection {
    Rejection {
        kind: RejectionKind::BadComponent,
        message: text::capped(&failure.message, 1000),
        diagnostics: String::new(),
    }
}
