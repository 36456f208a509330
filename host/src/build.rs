//! From a source, or a component from anywhere, to a harness that is ready to be called.
//!
//! Puts `compile`, `compile::native` and `sandbox` together; each keeps its own limits.

use std::{collections::HashMap, sync::Arc};

use crate::{
    cache::Cache,
    compile::{
        CompileError, Compiler, Component, Rejection, RejectionKind, Verdict, admit, native::Precompiler,
    },
    digest::Digest,
    jail::Jail,
    limits::Limits,
    sandbox::{Prepared, Sandbox, engine},
    text,
    toolchain::{Toolchain, linker, sdk::Sdk},
};

/// Builds harnesses.
pub struct Builder {
    pub compiler: Compiler,
    pub precompiler: Precompiler,
    pub sandbox: Arc<Sandbox>,
    /// Components that other tools have made, by their sources: they are taken in place of a compilation.
    stand_ins: HashMap<Digest, Vec<u8>>,
}

/// A harness that is ready to be called, and the exact binary it is.
#[derive(Clone)]
pub struct Built {
    pub component: Component,
    pub prepared: Arc<Prepared>,
}

impl Builder {
    /// Puts a builder together. Fails only if the WebAssembly engine cannot start.
    pub async fn new(
        toolchain: Toolchain,
        sdk: Sdk,
        jail: Jail,
        cache: Cache,
        limits: Limits,
    ) -> wasmtime::Result<Self> {
        let engine = engine::new()?;
        let sandbox = Arc::new(Sandbox::new(engine.clone(), limits.clone())?);
        let linker = linker::identify(&toolchain, &cache).await;
        let compiler = Compiler::new(toolchain, linker, sdk, jail.clone(), cache.clone(), limits.clone());
        let precompiler = Precompiler::new(engine, jail, cache, limits).await;
        Ok(Self { compiler, precompiler, sandbox, stand_ins: HashMap::new() })
    }

    /// Takes this component for what a source compiles to. For runs that were made with other tools.
    pub fn stand_in(&mut self, source: &str, component: Vec<u8>) {
        self.stand_ins.insert(Digest::of(source), component);
    }

    /// Whether a component stands in for what this source compiles to.
    pub fn has_stand_in(&self, source: &str) -> bool {
        !self.stand_ins.is_empty() && self.stand_ins.contains_key(&Digest::of(source))
    }

    /// Compiles, checks imports, compiles to native code, links.
    pub async fn build(&self, source: &str) -> Verdict<Built> {
        if let Some(component) = self.stand_ins.get(&Digest::of(source)) {
            return self.load(component.clone()).await;
        }
        match self.compiler.compile(source).await? {
            Ok(component) => self.ready(component).await,
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// The same from a component that was compiled before.
    pub async fn load(&self, component: Vec<u8>) -> Verdict<Built> {
        match admit(component, self.sandbox.limits(), false) {
            Ok(component) => self.ready(component).await,
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// A harness whose traps name source lines, and the sandbox that it runs in. It takes the same fuel and
    /// gives the same predictions, but it is not the component that is scored.
    pub async fn build_with_lines(&self, source: &str) -> Verdict<(Arc<Sandbox>, Built)> {
        let component = match self.compiler.compile_with_lines(source).await? {
            Ok(component) => component,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let broken = |error: wasmtime::Error| CompileError::Native(format!("{error:#}"));
        let engine = engine::with_lines().map_err(broken)?;
        let sandbox = Sandbox::with_lines(engine.clone(), self.sandbox.limits().clone()).map_err(broken)?;
        let built = prepare(&self.precompiler.with_lines(engine), &sandbox, component).await?;
        Ok(built.map(|built| (Arc::new(sandbox), built)))
    }

    async fn ready(&self, component: Component) -> Verdict<Built> {
        prepare(&self.precompiler, &self.sandbox, component).await
    }
}

/// Compiles to native code, and links.
async fn prepare(precompiler: &Precompiler, sandbox: &Sandbox, component: Component) -> Verdict<Built> {
    let native = match precompiler.load(&component).await? {
        Ok(native) => native,
        Err(rejection) => return Ok(Err(rejection)),
    };
    Ok(match sandbox.prepare(&native) {
        Ok(prepared) => Ok(Built { component, prepared: Arc::new(prepared) }),
        Err(failure) => Err(Rejection {
            kind: RejectionKind::BadComponent,
            message: text::capped(&failure.message, 1000),
            diagnostics: String::new(),
        }),
    })
}
