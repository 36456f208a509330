//! From a component to native code, in a child of its own: one small function can keep Cranelift busy
//! for minutes, and must then not take the host along.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use wasmtime::Engine;

use super::{CompileError, Component, Rejection, RejectionKind, Verdict, ran_out_of_memory};
use crate::{
    cache::Cache,
    digest::{Digest, KeyBuilder},
    jail::{Ending, Finished, Jail, Spec},
    limits::Limits,
    sandbox::engine,
    text,
    toolchain::elf,
};

/// The hidden command that compiles `component.wasm` to `out/component.cwasm` in its folder.
pub const COMMAND: &str = "__precompile";

/// Compiles components to native code and loads them.
pub struct Precompiler {
    engine: Engine,
    jail: Jail,
    cache: Cache,
    limits: Limits,
    /// This program and its libraries.
    read: Vec<PathBuf>,
}

impl Precompiler {
    pub async fn new(engine: Engine, jail: Jail, cache: Cache, limits: Limits) -> Self {
        let read = elf::with_libraries(jail.launcher()).await;
        Self { engine, jail, cache, limits, read }
    }

    /// The component, ready to be instantiated.
    pub async fn load(&self, component: &Component) -> Verdict<wasmtime::component::Component> {
        let key = self.key(component.digest);
        let path = self.cache.path("native", key, ".cwasm");
        if let Some(loaded) = self.deserialize(&path) {
            return Ok(Ok(loaded));
        }
        let code = match self.compile(&component.bytes).await? {
            Ok(code) => code,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let path = self.cache.put("native", key, ".cwasm", &code)?;
        let loaded = self.deserialize(&path);
        loaded.map(Ok).ok_or_else(|| CompileError::Native(format!("{} does not load", path.display())))
    }

    fn key(&self, component: Digest) -> Digest {
        KeyBuilder::new("native")
            .part("component", component.bytes())
            .part("engine", engine::fingerprint(&self.engine))
            .finish()
    }

    fn deserialize(&self, path: &Path) -> Option<wasmtime::component::Component> {
        if !path.is_file() {
            return None;
        }
        // SAFETY: wasmtime trusts what it loads. The file was written into the user's own cache folder by
        // this program, from the output of its own compiler child; whoever can change it can also change
        // this program.
        unsafe { wasmtime::component::Component::deserialize_file(&self.engine, path) }.ok()
    }

    async fn compile(&self, component: &[u8]) -> Verdict<Vec<u8>> {
        let scratch = self.cache.scratch()?;
        let folder = scratch.path();
        let (input, output) = (folder.join("component.wasm"), folder.join("out"));
        std::fs::write(&input, component)?;
        std::fs::create_dir(&output)?;
        let mut read = self.read.clone();
        read.push(input);
        let spec = Spec {
            program: self.jail.launcher().clone(),
            args: vec![COMMAND.into()],
            env: Vec::new(),
            cwd: folder.to_owned(),
            read,
            write: vec![output.clone()],
            memory_bytes: self.limits.native_memory_bytes,
            file_bytes: 64 * self.limits.component_bytes,
            cpu_s: self.limits.native_wall_ms.div_ceil(1000) * 2,
        };
        let wall = Duration::from_millis(self.limits.native_wall_ms);
        let done = self.jail.run(&spec, wall, self.limits.diagnostics_bytes as usize).await?;
        if done.ending != Ending::Exited(0) {
            return Ok(Err(self.rejection(&done)));
        }
        Ok(Ok(std::fs::read(output.join("component.cwasm"))?))
    }

    fn rejection(&self, done: &Finished) -> Rejection {
        let said = text::capped(&text::one_line(&done.stderr), 500);
        let (kind, message) = match done.ending {
            Ending::TimedOut | Ending::Signaled(libc::SIGXCPU) => {
                let limit = self.limits.native_wall_ms as f64 / 1000.0;
                let message = format!("native compilation was stopped at its limit of {limit} s");
                (RejectionKind::NativeTimeout, message)
            }
            _ if ran_out_of_memory(&done.stderr) => {
                let limit = text::bytes(self.limits.native_memory_bytes);
                let message = format!("native compilation needed more than its limit of {limit} of memory");
                (RejectionKind::NativeMemory, message)
            }
            Ending::Exited(1) => (RejectionKind::BadComponent, format!("the component is invalid: {said}")),
            ending => {
                // What a compiler says of its own crash has paths of this machine in it.
                tracing::warn!("native compilation crashed ({ending:?}): {said}");
                (RejectionKind::BadComponent, format!("native compilation crashed ({ending:?})"))
            }
        };
        Rejection::new(kind, message)
    }
}

/// The child's side: compiles what lies in the current folder.
pub fn main() -> ExitCode {
    let result = engine::new().map_err(|error| format!("{error:#}")).and_then(|engine| {
        let component = std::fs::read("component.wasm").map_err(|error| error.to_string())?;
        let code = engine.precompile_component(&component).map_err(|error| format!("{error:#}"))?;
        std::fs::write("out/component.cwasm", code).map_err(|error| error.to_string())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
