//! From a component to native code, in a child process of its own: a small function can keep Cranelift busy for
//! minutes, and only a process can be stopped.
//!
//! The child is started while the component is still being made, and waits for it at a named pipe. So the time that
//! three programs take to start is not added to the compiler's.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::{
    io::AsyncWriteExt,
    net::unix::pipe::{self, Sender},
    sync::OnceCell,
    task::{JoinError, JoinSet},
};
use wasmtime::Engine;

use super::{BuildResult, CompileError, Component, OVER_MEMORY, Rejection, RejectionKind, ran_out_of_memory};
use crate::{
    cache::{Cache, CacheError, Scratch, trust},
    elf,
    jail::{Ending, Excess, Finished, Jail, JailError, Role, Spec},
    notice::Notice,
    sandbox::engine::{self, CodeFor},
};
use mmh_record::{
    digest::{Digest, KeyBuilder},
    limits::Limits,
    text,
};

/// The hidden command that compiles what comes through a named pipe to `out/component.cwasm` in its folder.
pub const COMMAND: &str = "__precompile";

/// The named pipe that the component comes through, after its length in eight bytes.
const INPUT: &str = "component.pipe";

/// Compiles components to native code and loads them.
pub struct Precompiler {
    engine: Engine,
    mode: CodeFor,
    jail: Jail,
    cache: Cache,
    limits: Limits,
    /// This program and its libraries, once they were needed.
    read: Arc<OnceCell<Vec<PathBuf>>>,
    /// Who is told of a component that takes its time.
    told: Option<Arc<dyn Fn(Notice) + Send + Sync>>,
}

/// A component of more bytes than this takes seconds, which is told.
const LARGE_BYTES: u64 = 4 << 20;

/// A child that compiles to native code and waits for its component. It ends when this is dropped.
pub struct Ahead {
    scratch: Scratch,
    component: Sender,
    ended: JoinSet<Result<Finished, JailError>>,
}

impl Precompiler {
    /// A precompiler for an engine of [`engine::new`].
    pub fn new(engine: Engine, jail: Jail, cache: Cache, limits: Limits) -> Self {
        Self { engine, mode: CodeFor::Plain, jail, cache, limits, read: Arc::default(), told: None }
    }

    /// The same for an engine of this mode.
    pub fn with_mode(&self, mode: CodeFor, engine: Engine) -> Self {
        let (jail, cache, limits, read) =
            (self.jail.clone(), self.cache.clone(), self.limits.clone(), self.read.clone());
        Self { engine, mode, jail, cache, limits, read, told: self.told.clone() }
    }

    /// Tells of components that take seconds.
    pub fn tell(&mut self, told: impl Fn(Notice) + Send + Sync + 'static) {
        self.told = Some(Arc::new(told));
    }

    /// The component as native code, from the cache or compiled now, by the child that was started ahead if there is one.
    pub async fn load(
        &self,
        component: &Component,
        ahead: Option<Ahead>,
    ) -> BuildResult<wasmtime::component::Component> {
        let key = self.key(component.digest);
        let path = self.cache.path("native", key, ".cwasm");
        self.cache.hold();
        if let Some(loaded) = deserialize(&self.engine, &path)? {
            self.cache.used(&path);
            return Ok(Ok(loaded));
        }
        if let Some(told) = self.told.as_ref().filter(|_| component.bytes.len() as u64 > LARGE_BYTES) {
            let size = text::bytes(component.bytes.len() as u64);
            told(Notice::Note(format!("compiling a component of {size} to native code, once: about 20 s")));
        }
        let ahead = ahead.map_or_else(|| self.start_for(component.bytes.len() as u64), Ok)?;
        let code = match self.compile(&component.bytes, ahead).await? {
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

    /// Starts a child that waits for its component, in the background. It may be as large as components may be.
    pub fn start(&self) -> Result<Ahead, CompileError> {
        self.start_for(self.limits.component_bytes)
    }

    /// Starts a child for a component of so many bytes.
    fn start_for(&self, component_bytes: u64) -> Result<Ahead, CompileError> {
        let scratch = self.cache.scratch()?;
        let input = scratch.path().join(INPUT);
        mknodat(CWD, &input, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(io::Error::from)?;
        // Opened for both, because there is no reader yet.
        let component = pipe::OpenOptions::new().read_write(true).open_sender(&input)?;
        std::fs::create_dir(scratch.path().join("out"))?;
        let spec = self.spec(scratch.path(), input, component_bytes);
        let (mut spec, jail, read) = (spec, self.jail.clone(), self.read.clone());
        // It is stopped earlier than this: see `compile`.
        let wall = Duration::from_millis(self.limits.runtime_wall_ms()) + 2 * self.wall(component_bytes);
        let kept = self.limits.diagnostics_bytes as usize;
        let mut ended = JoinSet::new();
        ended.spawn(async move {
            let read = read.get_or_init(|| elf::with_libraries(jail.launcher())).await;
            spec.read.extend(read.iter().cloned());
            jail.run(&spec, wall, kept).await
        });
        Ok(Ahead { scratch, component, ended })
    }

    fn spec(&self, folder: &Path, input: PathBuf, component_bytes: u64) -> Spec {
        Spec {
            program: self.jail.launcher().clone(),
            args: [COMMAND].into_iter().chain(self.mode.argument()).map(str::to_owned).collect(),
            env: Vec::new(),
            cwd: folder.to_owned(),
            read: vec![input],
            write: vec![folder.join("out")],
            role: Role::Compiler,
            memory_bytes: self.limits.native_memory_bytes,
            file_bytes: self.code_bytes(),
            files_bytes: self.code_bytes(),
            cpu_s: self.wall(component_bytes).as_secs().max(1) * 2,
        }
    }

    /// How long a child may take for a component of so many bytes, from the moment when it is given it.
    fn wall(&self, component_bytes: u64) -> Duration {
        Duration::from_millis(self.limits.native_wall_ms_of(component_bytes))
    }

    /// Hands the component over, and waits for the native code.
    async fn compile(&self, component: &[u8], ahead: Ahead) -> BuildResult<Vec<u8>> {
        let Ahead { scratch, component: mut pipe, mut ended } = ahead;
        // The pipe stays open until the child has ended. What is in a pipe that nobody has open is lost.
        let hand_over = async {
            pipe.write_all(&(component.len() as u64).to_le_bytes()).await?;
            pipe.write_all(component).await
        };
        let work = async {
            tokio::select! {
                done = ended.join_next() => done,
                _ = hand_over => ended.join_next().await,
            }
        };
        let stopped = || Finished { ending: Ending::TimedOut, stdout: String::new(), stderr: String::new() };
        let lost = |error: Option<JoinError>| {
            let error = error.map_or_else(|| "nobody waits for it".to_owned(), |error| error.to_string());
            JailError::Setup(format!("the child of native compilation is lost: {error}"))
        };
        let done = match tokio::time::timeout(self.wall(component.len() as u64), work).await {
            Err(_) => stopped(),
            Ok(Some(Ok(done))) => done?,
            Ok(Some(Err(error))) => return Err(lost(Some(error)).into()),
            Ok(None) => return Err(lost(None).into()),
        };
        if done.ending != Ending::Exited(0) {
            return Ok(Err(self.rejection(&done, component.len() as u64)));
        }
        Ok(Ok(std::fs::read(scratch.path().join("out/component.cwasm"))?))
    }

    /// Most bytes of native code. It is larger than its component, and this factor is a safe bound.
    fn code_bytes(&self) -> u64 {
        16 * self.limits.component_bytes
    }

    fn rejection(&self, done: &Finished, component_bytes: u64) -> Rejection {
        let said = text::capped(&text::one_line(&done.stderr), 500);
        let (kind, message) = match done.ending {
            Ending::TimedOut | Ending::Signaled(libc::SIGXCPU) => {
                let limit = self.wall(component_bytes).as_secs_f64();
                let message =
                    format!("native compilation was stopped at its limit of {limit} s (--native-timeout-s)");
                (RejectionKind::NativeTimeout, message)
            }
            Ending::Signaled(libc::SIGXFSZ) | Ending::OverLimit(Excess::FileBytes) => {
                let limit = text::bytes(self.code_bytes());
                (
                    RejectionKind::BadComponent,
                    format!(
                        "native compilation wrote more than {limit}, 16 times the component's limit (--component-mib)"
                    ),
                )
            }
            Ending::OverLimit(excess) if excess != Excess::Memory => {
                let message = format!("native compilation was stopped: {}", excess.words());
                (RejectionKind::BadComponent, message)
            }
            ending if ending == OVER_MEMORY || ran_out_of_memory(&done.stderr) => {
                let limit = text::bytes(self.limits.native_memory_bytes);
                let message = format!(
                    "native compilation needed more than its limit of {limit} of memory (--native-memory-mib)"
                );
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
pub struct Usable([Engine; 3]);

impl Usable {
    /// Fails if the WebAssembly engine cannot start.
    pub fn new() -> wasmtime::Result<Self> {
        Ok(Self([CodeFor::Plain.engine()?, CodeFor::Lines.engine()?, CodeFor::Profile.engine()?]))
    }

    /// Whether a file of native code can be loaded here.
    pub fn loads(&self, path: &Path) -> bool {
        self.0.iter().any(|engine| deserialize(engine, path).is_ok_and(|loaded| loaded.is_some()))
    }
}

/// The child's side: compiles the component that it is given. `mode` is the command's argument, if it has one.
#[expect(clippy::print_stderr, reason = "a confined child speaks to its parent")]
pub fn main(mode: Option<&str>) -> ExitCode {
    let result = CodeFor::of(mode).engine().map_err(|error| format!("{error:#}")).and_then(|engine| {
        let component = given().map_err(|error| error.to_string())?;
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

/// Waits for the component.
fn given() -> io::Result<Vec<u8>> {
    let mut pipe = File::open(INPUT)?;
    let mut length = [0; 8];
    pipe.read_exact(&mut length)?;
    let mut component = Vec::new();
    pipe.take(u64::from_le_bytes(length)).read_to_end(&mut component)?;
    Ok(component)
}
