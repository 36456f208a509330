//! From a component to native code, in a child process of its own: a small function can keep Cranelift busy for
//! minutes, and only a process can be stopped.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use wasmtime::Engine;

use super::{BuildResult, CompileError, Component, OVER_MEMORY, Rejection, RejectionKind, ran_out_of_memory};
use crate::{
    cache::{Cache, CacheError, trust},
    elf,
    jail::{Ending, Excess, Finished, Jail, Spec},
    sandbox::engine,
};
use mmh_record::{
    digest::{Digest, KeyBuilder},
    limits::Limits,
    text,
};

/// The hidden command that compiles `component.wasm` to `out/component.cwasm` in its folder.
pub const COMMAND: &str = "__precompile";

/// The argument of the command that keeps source lines.
const WITH_LINES: &str = "with-lines";

/// Compiles components to native code and loads them.
pub struct Precompiler {
    engine: Engine,
    /// Whether the engine is the one that knows source lines.
    with_lines: bool,
    jail: Jail,
    cache: Cache,
    limits: Limits,
    /// This program and its libraries.
    read: Vec<PathBuf>,
}

impl Precompiler {
    /// A precompiler for an engine of [`engine::new`]. Finds out which libraries this program needs in the jail.
    pub async fn new(engine: Engine, jail: Jail, cache: Cache, limits: Limits) -> Self {
        let read = elf::with_libraries(jail.launcher()).await;
        Self { engine, with_lines: false, jail, cache, limits, read }
    }

    /// The same for an engine of [`engine::with_lines`].
    pub fn with_lines(&self, engine: Engine) -> Self {
        let (jail, cache, limits, read) =
            (self.jail.clone(), self.cache.clone(), self.limits.clone(), self.read.clone());
        Self { engine, with_lines: true, jail, cache, limits, read }
    }

    /// The component as native code, from the cache or compiled now.
    pub async fn load(&self, component: &Component) -> BuildResult<wasmtime::component::Component> {
        let key = self.key(component.digest);
        let path = self.cache.path("native", key, ".cwasm");
        self.cache.hold();
        if let Some(loaded) = deserialize(&self.engine, &path)? {
            self.cache.used(&path);
            return Ok(Ok(loaded));
        }
        let code = match self.compile(&component.bytes).await? {
            Ok(code) => code,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let path = self.cache.put("native", key, ".cwasm", &code)?;
        let loaded = deserialize(&self.engine, &path)?;
        loaded.map(Ok).ok_or_else(|| CompileError::Native(format!("{} does not load", path.display())))
    }

    fn key(&self, component: Digest) -> Digest {
        KeyBuilder::new("native")
            .part("component", component.bytes())
            .part("engine", engine::fingerprint(&self.engine))
            .finish()
    }

    async fn compile(&self, component: &[u8]) -> BuildResult<Vec<u8>> {
        let scratch = self.cache.scratch()?;
        let folder = scratch.path();
        let (input, output) = (folder.join("component.wasm"), folder.join("out"));
        std::fs::write(&input, component)?;
        std::fs::create_dir(&output)?;
        let mut read = self.read.clone();
        read.push(input);
        let spec = Spec {
            program: self.jail.launcher().clone(),
            args: if self.with_lines {
                vec![COMMAND.into(), WITH_LINES.into()]
            } else {
                vec![COMMAND.into()]
            },
            env: Vec::new(),
            cwd: folder.to_owned(),
            read,
            write: vec![output.clone()],
            memory_bytes: self.limits.native_memory_bytes,
            file_bytes: self.code_bytes(),
            files_bytes: self.code_bytes(),
            cpu_s: self.limits.native_wall_ms.div_ceil(1000) * 2,
        };
        let wall = Duration::from_millis(self.limits.native_wall_ms);
        let done = self.jail.run(&spec, wall, self.limits.diagnostics_bytes as usize).await?;
        if done.ending != Ending::Exited(0) {
            return Ok(Err(self.rejection(&done)));
        }
        Ok(Ok(std::fs::read(output.join("component.cwasm"))?))
    }

    /// Most bytes of native code. It is larger than its component, and this factor is a safe bound.
    fn code_bytes(&self) -> u64 {
        16 * self.limits.component_bytes
    }

    fn rejection(&self, done: &Finished) -> Rejection {
        let said = text::capped(&text::one_line(&done.stderr), 500);
        let (kind, message) = match done.ending {
            Ending::TimedOut | Ending::Signaled(libc::SIGXCPU) => {
                let limit = self.limits.native_wall_ms as f64 / 1000.0;
                let message = format!("native compilation was stopped at its limit of {limit} s");
                (RejectionKind::NativeTimeout, message)
            }
            Ending::Signaled(libc::SIGXFSZ) | Ending::OverLimit(Excess::FileBytes) => {
                let limit = text::bytes(self.code_bytes());
                (RejectionKind::BadComponent, format!("native compilation wrote more than {limit}"))
            }
            Ending::OverLimit(excess) if excess != Excess::Memory => {
                let message = format!("native compilation was stopped: {}", excess.words());
                (RejectionKind::BadComponent, message)
            }
            ending if ending == OVER_MEMORY || ran_out_of_memory(&done.stderr) => {
                let limit = text::bytes(self.limits.native_memory_bytes);
                let message = format!("native compilation needed more than its limit of {limit} of memory");
                (RejectionKind::NativeMemory, message)
            }
            Ending::Exited(1) => (RejectionKind::BadComponent, format!("the component is invalid: {said}")),
            ending => {
                // A compiler's words about its own crash contain paths of this machine.
                tracing::warn!("native compilation crashed ({ending:?}): {said}");
                (RejectionKind::BadComponent, format!("native compilation crashed ({ending:?})"))
            }
        };
        Rejection::new(kind, message)
    }
}

/// Native code from the cache, if it is there and fits this engine. Fails if somebody else could have written it.
fn deserialize(engine: &Engine, path: &Path) -> Result<Option<wasmtime::component::Component>, CacheError> {
    if !path.is_file() {
        return Ok(None);
    }
    trust::file(path)?;
    // SAFETY: wasmtime trusts what it loads. Nobody but this user and root can write the file, or into any
    // folder above it, and this program put it there, from the output of its own compiler child. Whoever can
    // change it can also change this program.
    Ok(unsafe { wasmtime::component::Component::deserialize_file(engine, path) }.ok())
}

/// Tells native code that this program can load from code of other versions or settings.
pub struct Usable([Engine; 2]);

impl Usable {
    /// Fails if the WebAssembly engine cannot start.
    pub fn new() -> wasmtime::Result<Self> {
        Ok(Self([engine::new()?, engine::with_lines()?]))
    }

    /// Whether a file of native code can be loaded here.
    pub fn loads(&self, path: &Path) -> bool {
        self.0.iter().any(|engine| deserialize(engine, path).is_ok_and(|loaded| loaded.is_some()))
    }
}

/// The child's side: compiles `component.wasm` in the working folder. `mode` is the command's argument, if it has one.
#[expect(clippy::print_stderr, reason = "a confined child speaks to its parent")]
pub fn main(mode: Option<&str>) -> ExitCode {
    let engine = if mode == Some(WITH_LINES) { engine::with_lines() } else { engine::new() };
    let result = engine.map_err(|error| format!("{error:#}")).and_then(|engine| {
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
