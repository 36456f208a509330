//! One source file becomes one component: checked, built in the jail, cached by content.
//!
//! `rustc` is called directly: without cargo, without build scripts, with the SDK's crates only. A source that is
//! turned down gives a [`Rejection`], which is a result; [`CompileError`] means that the host cannot go on.

pub mod imports;
pub mod native;

use std::{path::Path, sync::Arc, time::Duration};

use crate::{
    cache::{Cache, CacheError},
    jail::{Ending, Excess, Finished, Jail, JailError, Spec},
    toolchain::{
        TARGET, Toolchain, Tools,
        sdk::{self, Sdk},
    },
};
use mmh_record::{
    built::Confinement,
    digest::{Digest, KeyBuilder},
    layout,
    limits::Limits,
    text,
};

/// The source's file name, as diagnostics and panics give it.
pub const SOURCE_NAME: &str = layout::SOURCE;

/// The file in which a check lists all source files that it has read.
const SOURCES_NAME: &str = "harness.d";

/// Longest message of a rejection, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// All files of a compiler together may be this many times as large as one file: the linker's input and output.
const FULL_FILES: u64 = 4;

/// The ending of a child whose processes together need too much memory.
const OVER_MEMORY: Ending = Ending::OverLimit(Excess::Memory);

/// How every harness is built. Part of the cache key.
pub const FLAGS: &[&str] = &[
    "--crate-name=harness",
    "--crate-type=cdylib",
    "--edition=2024",
    "-Copt-level=2",
    "-Cpanic=abort",
    "-Ccodegen-units=1",
    "-Cstrip=debuginfo",
    "-Coverflow-checks=on",
    "-Funsafe_code",
];

/// Further flags for a harness whose traps name source lines. The code is the same; the component also has line
/// tables, and the names of functions, without which a line in a generic function says little.
const LINES: &[&str] = &["-Cdebuginfo=limited", "-Cstrip=none"];

/// A candidate's compiled form, whose size and imports are allowed.
#[derive(Clone, Debug)]
pub struct Component {
    /// The WebAssembly binary.
    pub bytes: Arc<[u8]>,
    /// SHA-256 of `bytes`.
    pub digest: Digest,
    /// The interfaces that it imports, such as `wasi:io/streams@0.2.6`.
    pub imports: Vec<String>,
    /// Whether it came from the cache.
    pub cached: bool,
}

/// Why a candidate did not become a harness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, from a fixed list.
    pub kind: RejectionKind,
    /// One line that names the limit and the usage, or the first error; at most 1,000 characters.
    pub message: String,
    /// The compiler's output: capped, without paths and control sequences. Empty unless the source did not compile.
    pub diagnostics: String,
}

/// The reasons for which a candidate is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// The source has more bytes than allowed.
    SourceTooLarge,
    /// rustc reported an error, or the source takes in another file.
    DidNotCompile,
    /// rustc reached its limit of wall-clock or processor time.
    CompilerTimeout,
    /// rustc reached its limit of memory.
    CompilerMemory,
    /// rustc crashed, or was stopped for another limit than time, memory and file size.
    CompilerCrash,
    /// The component, or a file that was written on the way to it, has more bytes than allowed.
    ComponentTooLarge,
    /// The component is malformed, is no harness, or cannot be compiled to native code.
    BadComponent,
    /// The component imports what a harness may not use.
    BadImport,
    /// Native compilation reached its limit of time.
    NativeTimeout,
    /// Native compilation reached its limit of memory.
    NativeMemory,
    /// It carries validation or test examples, and the run refuses that.
    Leak,
}

impl RejectionKind {
    /// The kinds that depend on the machine: on its speed, its memory and its other work.
    pub fn of_machine() -> impl Iterator<Item = Self> {
        [
            Self::CompilerTimeout,
            Self::CompilerMemory,
            Self::CompilerCrash,
            Self::NativeTimeout,
            Self::NativeMemory,
        ]
        .into_iter()
    }

    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::SourceTooLarge => "source-too-large",
            Self::DidNotCompile => "did-not-compile",
            Self::CompilerTimeout => "compiler-timeout",
            Self::CompilerMemory => "compiler-memory",
            Self::CompilerCrash => "compiler-crash",
            Self::ComponentTooLarge => "component-too-large",
            Self::BadComponent => "bad-component",
            Self::BadImport => "bad-import",
            Self::NativeTimeout => "native-timeout",
            Self::NativeMemory => "native-memory",
            Self::Leak => "leak",
        }
    }
}

impl Rejection {
    fn new(kind: RejectionKind, message: impl AsRef<str>) -> Self {
        // It may quote names of the candidate, which can be long and hold any characters.
        let message = text::ellipsis(&text::one_line(message.as_ref()), MAX_MESSAGE_CHARS);
        Self { kind, message, diagnostics: String::new() }
    }
}

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

/// Compiles candidates in the jail, with one toolchain, one SDK and one set of limits.
pub struct Compiler {
    toolchain: Toolchain,
    tools: Tools,
    sdk: Sdk,
    jail: Jail,
    cache: Cache,
    limits: Limits,
}

/// How far rustc goes.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// Types and borrows only: about 0.1 s.
    Check,
    /// To a component.
    Build,
    /// To a component that keeps source lines.
    Lines,
}

impl Compiler {
    /// A compiler of these parts. `tools` are the digests of what `toolchain` runs.
    pub fn new(
        toolchain: Toolchain,
        tools: Tools,
        sdk: Sdk,
        jail: Jail,
        cache: Cache,
        limits: Limits,
    ) -> Self {
        Self { toolchain, tools, sdk, jail, cache, limits }
    }

    /// The toolchain that candidates are compiled with.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// The programs and libraries that make a component, with their digests.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The built SDK that candidates are linked with.
    pub fn sdk(&self) -> &Sdk {
        &self.sdk
    }

    /// What confines the compiler.
    pub fn confinement(&self) -> Confinement {
        self.jail.confinement()
    }

    /// The cache key of this source's component: a digest of everything that can change the component.
    pub fn key(&self, source: &str) -> Digest {
        self.key_of("component", source, FLAGS)
    }

    fn key_of(&self, kind: &str, source: &str, flags: &[&str]) -> Digest {
        let key = KeyBuilder::new(kind)
            .part("source", source)
            .part("sdk-source", sdk::source_digest().bytes())
            .part("sdk-build", self.sdk.digest.bytes())
            .part("wit", sdk::WIT)
            .part("lock", sdk::LOCK)
            .part("compiler", &self.toolchain.version)
            .part("target", TARGET)
            .part("flags", flags.join("\n"));
        let tools = self.tools.compiler.iter().chain(&self.tools.linker);
        let key = tools.fold(key, |key, tool| key.part(&tool.name, tool.sha256.bytes()));
        // Without Landlock a source may have read a file that is not in the key.
        match self.confinement() {
            Confinement::Full => key.finish(),
            Confinement::NoLandlock => key.part("confinement", "no-landlock").finish(),
        }
    }

    /// Compiles a candidate, or finds it in the cache. Types are checked first: that takes about 0.1 s and finds most
    /// mistakes.
    pub async fn compile(&self, source: &str) -> BuildResult<Component> {
        self.compile_with(self.key(source), source, &[Depth::Check, Depth::Build]).await
    }

    /// The same without the check of types, for a source that has compiled before.
    pub async fn recompile(&self, source: &str) -> BuildResult<Component> {
        self.compile_with(self.key(source), source, &[Depth::Build]).await
    }

    /// The same with source lines, for the backtrace of a trap. The component differs, and is cached separately.
    pub async fn compile_with_lines(&self, source: &str) -> BuildResult<Component> {
        let key = self.key_of("component-with-lines", source, &[FLAGS, LINES].concat());
        self.compile_with(key, source, &[Depth::Lines]).await
    }

    async fn compile_with(&self, key: Digest, source: &str, depths: &[Depth]) -> BuildResult<Component> {
        if let Some(rejection) = self.too_large(source) {
            return Ok(Err(rejection));
        }
        // Only admitted components are kept. One that is not admitted any more was damaged, and is made again.
        let kept = self.cache.get("components", key, ".wasm")?;
        if let Some(component) = kept.and_then(|bytes| admit(bytes, &self.limits, true).ok()) {
            return Ok(Ok(component));
        }
        let mut bytes = Vec::new();
        for depth in depths {
            bytes = match self.rustc(source, *depth).await? {
                Ok(bytes) => bytes,
                Err(rejection) => return Ok(Err(rejection)),
            };
        }
        let verdict = admit(bytes, &self.limits, false);
        if let Ok(component) = &verdict {
            self.cache.put("components", key, ".wasm", &component.bytes)?;
        }
        Ok(verdict)
    }

    fn too_large(&self, source: &str) -> Option<Rejection> {
        let (size, limit) = (source.len() as u64, self.limits.source_bytes);
        (size > limit).then(|| {
            let message = format!(
                "the source has {}, more than the limit of {}",
                text::bytes(size),
                text::bytes(limit)
            );
            Rejection::new(RejectionKind::SourceTooLarge, message)
        })
    }

    /// Runs rustc in a fresh folder. A check gives no bytes.
    async fn rustc(&self, source: &str, depth: Depth) -> BuildResult<Vec<u8>> {
        let scratch = self.cache.scratch()?;
        let folder = scratch.path();
        let (input, output) = (folder.join(SOURCE_NAME), folder.join("out"));
        std::fs::write(&input, source)?;
        std::fs::create_dir(&output)?;
        let spec = self.spec(folder, &input, &output, depth);
        let wall = Duration::from_millis(self.limits.rustc_wall_ms);
        // Twice the shown size, because what is shown is cut after cleaning.
        let kept = 2 * self.limits.diagnostics_bytes as usize;
        let done = self.jail.run(&spec, wall, kept).await?;
        if done.ending != Ending::Exited(0) {
            return Ok(Err(self.rejection(&done, folder)));
        }
        if depth == Depth::Check {
            return Ok(
                taken_in(&output.join(SOURCES_NAME))?.map_or(Ok(Vec::new()), |file| Err(other_file(&file)))
            );
        }
        let component = output.join(layout::COMPONENT);
        match component.symlink_metadata() {
            Ok(found) if found.is_file() && found.len() > self.limits.component_bytes => {
                Ok(Err(component_too_large(found.len(), &self.limits)))
            }
            Ok(found) if found.is_file() => Ok(Ok(std::fs::read(&component)?)),
            _ => Ok(Err(Rejection::new(RejectionKind::BadComponent, "the compiler wrote no component"))),
        }
    }

    fn spec(&self, folder: &Path, input: &Path, output: &Path, depth: Depth) -> Spec {
        let mut args: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        args.extend([format!("--target={TARGET}"), "--color=never".into(), "--diagnostic-width=120".into()]);
        args.push(format!("-Ldependency={}", self.sdk.folder.display()));
        for (name, file) in &self.sdk.externs {
            args.push(format!("--extern={name}={}", self.sdk.folder.join(file).display()));
        }
        for (from, to) in [(folder, "/"), (&self.toolchain.sysroot, "/rust"), (&self.sdk.folder, "/mmh-sdk")]
        {
            args.push(format!("--remap-path-prefix={}={to}", from.display()));
        }
        match depth {
            Depth::Check => {
                args.push(format!("--emit=metadata=out/harness.rmeta,dep-info=out/{SOURCES_NAME}"))
            }
            Depth::Build => args.push(format!("-oout/{}", layout::COMPONENT)),
            Depth::Lines => {
                // Of two settings of one option, the last one holds.
                args.extend(LINES.iter().map(|flag| (*flag).to_owned()));
                args.push(format!("-oout/{}", layout::COMPONENT));
            }
        }
        args.push(SOURCE_NAME.into());
        let mut read = self.toolchain.read.clone();
        read.extend([self.sdk.folder.clone(), input.to_owned()]);
        Spec {
            program: self.toolchain.rustc.clone(),
            args,
            // The linker's temporary files go where writing is allowed. A relative path, because a
            // candidate can read this variable while it is compiled.
            env: vec![("TMPDIR".into(), "out".into())],
            cwd: folder.to_owned(),
            read,
            write: vec![output.to_owned()],
            memory_bytes: self.limits.rustc_memory_bytes,
            file_bytes: self.file_bytes(),
            files_bytes: FULL_FILES * self.file_bytes(),
            cpu_s: self.limits.rustc_wall_ms.div_ceil(1000) * 2,
        }
    }

    /// The largest file that rustc and its linker may write: before linking there is more of everything.
    fn file_bytes(&self) -> u64 {
        4 * self.limits.component_bytes
    }

    fn rejection(&self, done: &Finished, folder: &Path) -> Rejection {
        let diagnostics = self.clean(&done.stderr, folder);
        let (kind, message) = match done.ending {
            Ending::TimedOut => {
                let limit = self.limits.rustc_wall_ms as f64 / 1000.0;
                (RejectionKind::CompilerTimeout, format!("rustc was stopped at its limit of {limit} s"))
            }
            Ending::Signaled(libc::SIGXCPU) => {
                (RejectionKind::CompilerTimeout, "rustc used up its processor time".into())
            }
            Ending::Signaled(libc::SIGXFSZ) | Ending::OverLimit(Excess::FileBytes) => {
                let message = format!(
                    "the compiler wrote more than {}, the component's limit is {}",
                    text::bytes(self.file_bytes()),
                    text::bytes(self.limits.component_bytes)
                );
                (RejectionKind::ComponentTooLarge, message)
            }
            Ending::OverLimit(excess) if excess != Excess::Memory => {
                (RejectionKind::CompilerCrash, format!("rustc was stopped: {}", excess.words()))
            }
            ending if ending == OVER_MEMORY || ran_out_of_memory(&done.stderr) => {
                let limit = text::bytes(self.limits.rustc_memory_bytes);
                (
                    RejectionKind::CompilerMemory,
                    format!("rustc needed more than its limit of {limit} of memory"),
                )
            }
            Ending::Exited(1) => {
                let first = diagnostics.lines().find(|line| line.starts_with("error"));
                (RejectionKind::DidNotCompile, first.unwrap_or("rustc reported an error").to_owned())
            }
            ending => {
                let hint = if done.stderr.contains("overflowed its stack") {
                    ": the source nests too deeply"
                } else {
                    ""
                };
                (RejectionKind::CompilerCrash, format!("rustc crashed ({ending:?}){hint}"))
            }
        };
        // A compiler that was stopped or has crashed talks about itself, with addresses that differ from run to run.
        let about_source = kind == RejectionKind::DidNotCompile;
        Rejection { kind, message, diagnostics: if about_source { diagnostics } else { String::new() } }
    }

    /// Diagnostics fit to be shown: no path of this machine, no control sequence, capped.
    fn clean(&self, said: &str, folder: &Path) -> String {
        let mut said = text::plain(said);
        let hidden = [
            (folder, "."),
            (self.toolchain.sysroot.as_path(), "<rust>"),
            (self.sdk.folder.as_path(), "<mmh-sdk>"),
            (self.cache.root(), "<cache>"),
        ];
        for (path, shown) in hidden {
            said = said.replace(&path.display().to_string(), shown);
        }
        text::capped(said.trim_end(), self.limits.diagnostics_bytes as usize)
    }
}

/// The first file that a source takes in besides itself. The jail lets it read only files that the compiler needs.
/// These differ from machine to machine and are not in the cache key.
fn taken_in(list: &Path) -> Result<Option<String>, CompileError> {
    let readable = list.symlink_metadata().is_ok_and(|found| found.is_file());
    let text = if readable { std::fs::read(list)? } else { Vec::new() };
    let text = String::from_utf8_lossy(&text);
    // `out/harness.d: a b` first, then a line of its own for every file: `a:`.
    let mut files = text.lines().filter_map(|line| line.strip_suffix(':'));
    Ok(files.find(|file| *file != SOURCE_NAME).map(str::to_owned))
}

fn other_file(file: &str) -> Rejection {
    let file = text::ellipsis(&text::one_line(file), 200);
    let message = format!("the source takes in another file: {file}; a harness is one file");
    Rejection::new(RejectionKind::DidNotCompile, message)
}

fn ran_out_of_memory(said: &str) -> bool {
    ["memory allocation of", "out of memory", "Cannot allocate memory", "failed to allocate", "bad_alloc"]
        .iter()
        .any(|sign| said.contains(sign))
}

fn component_too_large(size: u64, limits: &Limits) -> Rejection {
    let limit = text::bytes(limits.component_bytes);
    let message = format!("the component has {}, more than the limit of {limit}", text::bytes(size));
    Rejection::new(RejectionKind::ComponentTooLarge, message)
}

/// Admits a component from anywhere, if its size and its imports are allowed. `cached` says whether it came from the
/// cache.
pub fn admit(bytes: Vec<u8>, limits: &Limits, cached: bool) -> Result<Component, Rejection> {
    if bytes.len() as u64 > limits.component_bytes {
        return Err(component_too_large(bytes.len() as u64, limits));
    }
    let imports = imports::check(&bytes)?;
    Ok(Component { digest: Digest::of(&bytes), bytes: bytes.into(), imports, cached })
}
