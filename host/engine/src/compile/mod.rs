//! One source file becomes one component: built in the jail, checked, cached by content.
//!
//! What depends on the source's language is behind [`Language`]: [`Rust`] is one, and [`Python`] the other. A source that is
//! turned down gives a [`Rejection`], which is a result; [`CompileError`] means that the host cannot go on.

mod component;
pub mod imports;
mod language;
pub mod native;
mod nesting;
mod python;
mod refusals;
mod rejection;
mod rust;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use crate::sandbox::policy::Origin;
pub use component::{Component, admit};
pub use language::{Job, Language, MADE, OUTPUT, Pass, RecordedTools, Said};
pub use python::Python;
use refusals::{Place, Refused};
pub use rejection::{Rejection, RejectionKind};
pub use rust::{FLAGS, Rust};

use crate::{
    cache::{Cache, CacheError},
    jail::{Ending, Excess, Finished, Jail, JailError, Spec},
};
use mmh_record::{
    built::Confinement,
    digest::{Digest, KeyBuilder},
    language::HarnessLanguage,
    limits::Limits,
    text,
};

/// All files of a compiler together may be this many times as large as one file: the linker's input and output.
const FULL_FILES: u64 = 4;

/// The ending of a child whose processes together need too much memory.
const OVER_MEMORY: Ending = Ending::OverLimit(Excess::Memory);

/// The host could not do its part. It says nothing about the candidate.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The compiler could not be confined or started.
    #[error("{0}; `mmh doctor` shows what this system offers")]
    Jail(#[from] JailError),
    /// The files of a compilation could not be written or read.
    #[error("cannot use the scratch folder: {0}")]
    Scratch(#[from] std::io::Error),
    /// Native code that was just made does not load; the text says why.
    #[error("cannot load native code: {0}")]
    Native(String),
}

/// The outer result is the host's: whether it could do its part. The inner one is the verdict on the candidate.
pub type BuildResult<T> = Result<Result<T, Rejection>, CompileError>;

/// Compiles candidates in the jail, in one language and with one set of limits.
pub struct Compiler {
    language: Box<dyn Language>,
    jail: Jail,
    cache: Cache,
    limits: Limits,
}

impl Compiler {
    /// A compiler of this language.
    pub fn new(language: impl Language + 'static, jail: Jail, cache: Cache, limits: Limits) -> Self {
        Self { language: Box::new(language), jail, cache, limits }
    }

    /// What a record says of the tools that make components.
    pub fn tools(&self) -> RecordedTools {
        self.language.tools()
    }

    /// What confines the compiler.
    pub fn confinement(&self) -> Confinement {
        self.jail.confinement()
    }

    /// The cache key of this source's component: a digest of everything that can change the component.
    pub fn key(&self, source: &str) -> Digest {
        self.key_of("component", source, Pass::Build)
    }

    /// Whether this source's component is in the cache, or its refusal, as far as the names tell.
    pub fn has(&self, source: &str) -> bool {
        let key = self.key(source);
        self.cache.path("components", key, ".wasm").is_file()
            || self.refusal(key).is_some_and(|place| place.is_taken())
    }

    /// Where the refusal of the source is kept whose component has this key.
    fn refusal(&self, key: Digest) -> Option<Place<'_>> {
        Place::of(&self.cache, key, self.jail.launcher(), &self.limits)
    }

    fn key_of(&self, kind: &str, source: &str, pass: Pass) -> Digest {
        let key = self.language.enter(KeyBuilder::new(kind).part("source", source), pass);
        // Without Landlock a source may have read a file that is not in the key.
        match self.confinement() {
            Confinement::Full => key.finish(),
            Confinement::NoLandlock => key.part("confinement", "no-landlock").finish(),
        }
    }

    /// Compiles a candidate, or finds it in the cache. Most mistakes are found before any code is made of the source.
    pub async fn compile(&self, source: &str) -> BuildResult<Component> {
        self.compile_with(self.key(source), source, Pass::Build).await
    }

    /// The same with source lines, for the backtrace of a trap. The component differs, and is cached separately.
    pub async fn compile_with_lines(&self, source: &str) -> BuildResult<Component> {
        let key = self.key_of("component-with-lines", source, Pass::Lines);
        self.compile_with(key, source, Pass::Lines).await
    }

    async fn compile_with(&self, key: Digest, source: &str, pass: Pass) -> BuildResult<Component> {
        if let Some(rejection) = self.too_large(source) {
            return Ok(Err(rejection));
        }
        let origin = self.language.origin();
        // Only admitted components are kept. One that is not admitted any more was damaged, and is made again.
        let kept = self.cache.get("components", key, ".wasm")?;
        if let Some(component) = kept.and_then(|bytes| admit(bytes, origin, &self.limits, true).ok()) {
            return Ok(Ok(component));
        }
        let place = self.refusal(key);
        if let Some(rejection) = place.as_ref().map(Place::get).transpose()?.flatten() {
            return Ok(Err(rejection));
        }
        let made = self.run(source, pass).await?;
        let verdict =
            made.and_then(|(bytes, _)| admit(bytes, origin, &self.limits, false).map_err(Refused::always));
        match &verdict {
            Ok(component) => {
                self.cache.put("components", key, ".wasm", &component.bytes)?;
            }
            Err(refused) => place.map_or(Ok(()), |place| place.put(refused))?,
        }
        Ok(verdict.map_err(|refused| refused.rejection))
    }

    fn too_large(&self, source: &str) -> Option<Rejection> {
        let (size, limit) = (source.len() as u64, self.limits.source_bytes);
        (size > limit).then(|| {
            let message = format!(
                "the source has {}, more than the limit of {} (--source-kib)",
                text::bytes(size),
                text::bytes(limit)
            );
            Rejection::new(RejectionKind::SourceTooLarge, message)
        })
    }

    /// What the compiler says of a source that it accepts: its warnings. It runs again for that, since nothing of it is kept.
    pub async fn warnings(&self, source: &str) -> BuildResult<String> {
        match self.too_large(source) {
            Some(rejection) => Ok(Err(rejection)),
            None => {
                let made = self.run(source, Pass::Build).await?;
                Ok(made.map(|(_, said)| said).map_err(|refused| refused.rejection))
            }
        }
    }

    /// Runs the language's compiler in a fresh folder: what it has made, and what it said.
    async fn run(
        &self,
        source: &str,
        pass: Pass,
    ) -> Result<Result<(Vec<u8>, String), Refused>, CompileError> {
        let scratch = self.cache.scratch()?;
        let folder = scratch.path();
        let output = folder.join(OUTPUT);
        let file = self.source_file(folder);
        std::fs::create_dir_all(file.parent().unwrap_or(folder))?;
        std::fs::write(file, source)?;
        std::fs::create_dir(&output)?;
        let spec = self.spec(folder, pass);
        let wall = Duration::from_millis(self.wall_ms());
        // Twice the shown size, because what is shown is cut after cleaning.
        let kept = 2 * self.limits.diagnostics_bytes as usize;
        let done = self.jail.run(&spec, wall, kept).await?;
        if done.ending != Ending::Exited(0) {
            return Ok(Err(self.refused(&done, folder)));
        }
        if let Some(file) = self.language.other_file(&output)? {
            // Which files there are differs from machine to machine.
            return Ok(Err(Refused::this_time(other_file(&file))));
        }
        let component = output.join(MADE);
        let found = component.symlink_metadata().ok().filter(|found| found.is_file());
        Ok(match found.map(|found| component::too_large(found.len(), &self.limits)) {
            Some(None) => Ok((std::fs::read(&component)?, self.clean(&done.stderr, folder))),
            Some(Some(rejection)) => Err(Refused::always(rejection)),
            None => {
                let message = "the compiler wrote no component";
                Err(Refused::this_time(Rejection::new(RejectionKind::BadComponent, message)))
            }
        })
    }

    /// The language of the sources.
    pub fn language(&self) -> HarnessLanguage {
        self.language.language()
    }

    fn source_file(&self, folder: &Path) -> PathBuf {
        folder.join(self.language.source_folder()).join(self.language().source())
    }

    fn wall_ms(&self) -> u64 {
        self.language.wall_ms(&self.limits)
    }

    /// What the language wants to be run, within the limits.
    fn spec(&self, folder: &Path, pass: Pass) -> Spec {
        let Job { program, args, env, mut read, role } = self.language.job(folder, pass);
        let file = self.source_file(folder);
        // A runtime looks for the source in its folder, which has nothing else in it.
        read.push(match self.language.source_folder() {
            "" => file,
            inner => folder.join(inner),
        });
        Spec {
            program,
            args,
            env,
            cwd: folder.to_owned(),
            read,
            write: vec![folder.join(OUTPUT)],
            role,
            memory_bytes: self.limits.rustc_memory_bytes,
            file_bytes: self.file_bytes(),
            files_bytes: FULL_FILES * self.file_bytes(),
            cpu_s: self.wall_ms().div_ceil(1000) * 2,
        }
    }

    /// The largest file that a compiler and its linker may write: before linking there is more of everything.
    fn file_bytes(&self) -> u64 {
        4 * self.limits.component_bytes
    }

    fn refused(&self, done: &Finished, folder: &Path) -> Refused {
        if let Some(rejection) = self.stopped(done) {
            return Refused::this_time(rejection);
        }
        let diagnostics = self.clean(&done.stderr, folder);
        let said = Said { ending: done.ending, stderr: &done.stderr, diagnostics };
        let rejection = self.language.rejection(&said);
        let is_of_source = rejection.kind == RejectionKind::DidNotCompile && self.language.blames(&said);
        match is_of_source && !names_the_system(&done.stderr) {
            true => Refused::always(rejection),
            false => Refused::this_time(rejection),
        }
    }

    /// The verdict on a source whose compiler has reached a limit. What it said is not shown: a compiler that was stopped
    /// talks about itself, with addresses that differ from run to run.
    fn stopped(&self, done: &Finished) -> Option<Rejection> {
        let name = self.language.compiler_name();
        let (kind, message) = match done.ending {
            Ending::TimedOut => {
                let limit = self.wall_ms() as f64 / 1000.0;
                (
                    RejectionKind::CompilerTimeout,
                    format!("{name} was stopped at its limit of {limit} s (--rustc-timeout-s)"),
                )
            }
            Ending::Signaled(libc::SIGXCPU) => (
                RejectionKind::CompilerTimeout,
                format!("{name} used up its processor time, twice its wall clock (--rustc-timeout-s)"),
            ),
            Ending::Signaled(libc::SIGXFSZ) | Ending::OverLimit(Excess::FileBytes) => {
                let message = format!(
                    "the compiler wrote more than {}, the component's limit is {} (--component-mib)",
                    text::bytes(self.file_bytes()),
                    text::bytes(self.limits.component_bytes)
                );
                (RejectionKind::ComponentTooLarge, message)
            }
            Ending::OverLimit(excess) if excess != Excess::Memory => {
                (RejectionKind::CompilerCrash, format!("{name} was stopped: {}", excess.words()))
            }
            ending if ending == OVER_MEMORY || ran_out_of_memory(&done.stderr) => {
                let limit = text::bytes(self.limits.rustc_memory_bytes);
                let message =
                    format!("{name} needed more than its limit of {limit} of memory (--rustc-memory-mib)");
                (RejectionKind::CompilerMemory, message)
            }
            _ => return None,
        };
        Some(Rejection { kind, message, diagnostics: String::new() })
    }

    /// Diagnostics fit to be shown: no path of this machine, no control sequence, capped.
    fn clean(&self, said: &str, folder: &Path) -> String {
        let mut said = text::plain(said);
        let hidden = [vec![(folder, ".")], self.language.hidden(), vec![(self.cache.root(), "<cache>")]];
        for (path, shown) in hidden.concat() {
            said = said.replace(&path.display().to_string(), shown);
        }
        text::capped(said.trim_end(), self.limits.diagnostics_bytes as usize)
    }
}

fn other_file(file: &str) -> Rejection {
    let file = text::ellipsis(&text::one_line(file), 200);
    let message = format!("the source takes in another file: {file}; a harness is one file");
    Rejection::new(RejectionKind::DidNotCompile, message)
}

/// Whether a compiler quotes an error of the system, such as a full disk or a file that it cannot read.
fn names_the_system(said: &str) -> bool {
    ["os error", "Errno", "No space left", "MemoryError"].iter().any(|sign| said.contains(sign))
}

fn ran_out_of_memory(said: &str) -> bool {
    ["memory allocation of", "out of memory", "Cannot allocate memory", "failed to allocate", "bad_alloc"]
        .iter()
        .any(|sign| said.contains(sign))
}
