//! Which refusals of sources are kept in the cache, so that they are not compiled again.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mmh_engine::{
    cache::Cache,
    compile::{Compiler, Job, Language, Pass, RecordedTools, Rejection, RejectionKind, Rust, Said},
    jail::Jail,
    toolchain::{IfMissing, Toolchain, sdk},
};
use mmh_record::{digest::KeyBuilder, language::HarnessLanguage, limits::Limits};
use mmh_search::dataset::task::BASELINE;
use mmh_tests::{cache_dir, environment, files_below, guest};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Rust, which counts how often its compiler is started. Its tools are those of Rust and this text.
struct Counted {
    rust: Rust,
    started: Arc<AtomicUsize>,
    tools: &'static str,
}

impl Language for Counted {
    fn language(&self) -> HarnessLanguage {
        self.rust.language()
    }

    fn compiler_name(&self) -> &'static str {
        self.rust.compiler_name()
    }

    fn enter(&self, key: KeyBuilder, pass: Pass) -> KeyBuilder {
        self.rust.enter(key, pass).part("tools", self.tools)
    }

    fn job(&self, folder: &Path, pass: Pass) -> Job {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.rust.job(folder, pass)
    }

    fn other_file(&self, output: &Path) -> io::Result<Option<String>> {
        self.rust.other_file(output)
    }

    fn hidden(&self) -> Vec<(&Path, &'static str)> {
        self.rust.hidden()
    }

    fn rejection(&self, said: &Said<'_>) -> Rejection {
        self.rust.rejection(said)
    }

    fn blames(&self, said: &Said<'_>) -> bool {
        self.rust.blames(said)
    }

    fn tools(&self) -> RecordedTools {
        self.rust.tools()
    }
}

/// Compiles below a cache of its own.
struct Bench {
    toolchain: Toolchain,
    sdk: sdk::Sdk,
    started: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let toolchain = Toolchain::find(None, environment(), IfMissing::Add, &|_| {}).await;
        let toolchain = toolchain.expect("there is a compiler");
        let sdk = sdk::ensure(&Cache::new(cache_dir()), &toolchain, &|_| {}).await.expect("the SDK builds");
        let folder = tempfile::tempdir().expect("a folder");
        Self { toolchain, sdk, started: Arc::default(), folder }
    }

    /// A compiler as another process has it.
    async fn compiler(&self, limits: &Limits, tools: &'static str) -> Compiler {
        let cache = Cache::new(self.folder.path().join("cache"));
        let rust = Rust::new(self.toolchain.clone(), self.sdk.clone(), &Cache::new(cache_dir())).await;
        let counted = Counted { rust, started: self.started.clone(), tools };
        Compiler::new(counted, Jail::new(PROGRAM.into()), cache, limits.clone())
    }

    /// The refusal of a source, and how often a compiler was started for it.
    async fn refused(&self, compiler: &Compiler, source: &str) -> (Rejection, usize) {
        let before = self.started.load(Ordering::Relaxed);
        let verdict = compiler.compile(source).await.expect("the host can go on");
        (verdict.expect_err("it is refused"), self.started.load(Ordering::Relaxed) - before)
    }

    /// The files in which refusals are kept.
    fn kept(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("cache/refusals");
        if folder.exists() { files_below(&folder) } else { Vec::new() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_alone_decides_is_not_compiled_again() {
    let bench = Bench::new().await;
    let plain = Limits::default();
    let quick = Limits { rustc_wall_ms: 1, ..plain.clone() };
    let poor = Limits { rustc_memory_bytes: 600 << 20, ..plain.clone() };
    let small = Limits { component_bytes: 100_000, ..plain.clone() };
    let guest = |name: &str| guest(&format!("compile/{name}.rs"));
    // name, source, limits, kind, whether the compiler is asked again
    let table = [
        ("a type error", guest("type_error"), &plain, RejectionKind::DidNotCompile, false),
        ("no Rust", guest("not_rust"), &plain, RejectionKind::DidNotCompile, false),
        ("unsafe", guest("unsafe_block"), &plain, RejectionKind::DidNotCompile, false),
        ("another crate", guest("other_crate"), &plain, RejectionKind::DidNotCompile, false),
        ("an import", guest("sockets"), &plain, RejectionKind::BadImport, false),
        ("too large a component", BASELINE.to_owned(), &small, RejectionKind::ComponentTooLarge, false),
        ("a file that it cannot read", guest("read_sibling"), &plain, RejectionKind::DidNotCompile, true),
        ("too deep", guest("deep_expression"), &plain, RejectionKind::CompilerCrash, true),
        ("too slow", BASELINE.to_owned(), &quick, RejectionKind::CompilerTimeout, true),
        ("too little memory", guest("macro_bomb"), &poor, RejectionKind::CompilerMemory, true),
    ];
    for (name, source, limits, kind, again) in table {
        let before = bench.kept().len();
        let (first, started) = bench.refused(&bench.compiler(limits, "").await, &source).await;
        assert_eq!((first.kind, started), (kind, 1), "{name}: {first:?}");
        assert_eq!(bench.kept().len() - before, usize::from(!again), "{name}: {first:?}");
        let other = bench.compiler(limits, "").await;
        assert_eq!(other.has(&source), !again, "{name}");
        let (second, started) = bench.refused(&other, &source).await;
        assert_eq!(started, usize::from(again), "{name}");
        if !again {
            assert_eq!(second, first, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_no_longer_holds_is_made_again() {
    let bench = Bench::new().await;
    let (plain, source) = (Limits::default(), guest("compile/type_error.rs"));
    let (first, _) = bench.refused(&bench.compiler(&plain, "1").await, &source).await;
    let [path] = &bench.kept()[..] else { panic!("one is kept: {:?}", bench.kept()) };
    let good = std::fs::read_to_string(path).expect("an entry");
    let brief = Limits { diagnostics_bytes: 1_000, ..plain.clone() };
    // name, the entry's text, limits, tools
    let table = [
        ("a damaged entry", good.replace("error", "order"), &plain, "1"),
        ("an empty entry", String::new(), &plain, "1"),
        ("other tools", good.clone(), &plain, "2"),
        ("another limit", good.clone(), &brief, "1"),
    ];
    for (name, entry, limits, tools) in table {
        std::fs::write(path, entry).expect("it is written");
        let (again, started) = bench.refused(&bench.compiler(limits, tools).await, &source).await;
        assert_eq!((again.kind, &again.message, started), (first.kind, &first.message, 1), "{name}");
        let (kept, started) = bench.refused(&bench.compiler(limits, tools).await, &source).await;
        assert_eq!((kept, started), (again, 0), "{name}");
    }
}
