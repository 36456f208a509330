//! Compiler, SDK and sandbox as a run has them, and evaluations with them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mmh_engine::{
    build::{Builder, Built},
    cache::Cache,
    compile::{FLAGS, Rust},
    jail::Jail,
    memory::MemoryBudget,
    sandbox::Task,
    toolchain::{Environment, IfMissing, TARGET, Toolchain, sdk},
};
use mmh_models::{ChatError, ChatModel, cancel::Cancel, metering::MeteredModel};
use mmh_record::{
    chat::{Block, ChatReply, ChatRequest},
    clock::Clock,
    data::Split,
    limits::Limits,
};
use mmh_search::{
    dataset::{Example, task::LabelledTask},
    evaluate::{
        Evaluation, Evaluator, ExampleSet, Learned, Lessons, RecordedEvaluation, Target, sink::Discard,
    },
    progress::Silent,
};

/// The program that is measured.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh");

/// What makes harnesses of sources and runs them.
pub struct Workshop {
    pub builder: Builder,
    pub folder: PathBuf,
    toolchain: Toolchain,
    sdk: sdk::Sdk,
}

impl Workshop {
    /// Finds the compiler and builds the SDK. All that is kept is below this folder.
    pub async fn new(folder: &Path, memory: MemoryBudget) -> Self {
        let names = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
        let environment: Environment =
            names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
        let found = Toolchain::find(None, environment, IfMissing::Report, &|_| {}).await;
        let (toolchain, cache) = (found.expect("there is a compiler"), Cache::new(cache_dir(folder)));
        let sdk = sdk::ensure(&cache, &toolchain, &|_| {}).await.expect("the SDK builds");
        let rust = Rust::new(toolchain.clone(), sdk.clone(), &cache).await;
        let builder = Builder::new(rust, Jail::new(PROGRAM.into()), cache, Limits::default(), memory);
        let builder = builder.expect("the engine starts");
        Self { builder, folder: folder.to_owned(), toolchain, sdk }
    }

    /// The harness of a source.
    pub async fn build(&self, source: &str) -> Built {
        self.builder.build(source).await.expect("the host can go on").expect("it builds")
    }

    /// The compiler by itself, with the same flags.
    pub fn bare_rustc(&self, source: &str) -> Duration {
        let input = self.folder.join("harness.rs");
        std::fs::write(&input, source).expect("a file");
        let mut command = Command::new(&self.toolchain.rustc);
        command.args(FLAGS).arg(format!("--target={TARGET}"));
        command.arg(format!("-Ldependency={}", self.sdk.folder.display()));
        for (name, file) in &self.sdk.externs {
            command.arg(format!("--extern={name}={}", self.sdk.folder.join(file).display()));
        }
        command.arg("-o").arg(self.folder.join("bare.wasm")).arg(&input).stderr(Stdio::null());
        let started = Instant::now();
        assert!(command.status().expect("rustc starts").success());
        started.elapsed()
    }

    /// Evaluates so many examples at once with this target.
    pub fn evaluator(&self, target: Target, concurrency: usize) -> Evaluator {
        Evaluator {
            kind: Arc::<LabelledTask>::default(),
            runner: self.builder.sandbox.clone(),
            target: Arc::new(target),
            task: Arc::new(Task {
                name: "t".into(),
                instructions: "i".into(),
                labels: vec!["a".into(), "b".into()],
            }),
            seed: 0,
            concurrency,
            lessons: Lessons::default(),
            times: Arc::default(),
            record_bytes: u64::MAX,
            clock: Clock::System,
            observer: Arc::new(Silent),
            cancel: Cancel::default(),
        }
    }
}

/// The cache below a folder.
pub fn cache_dir(folder: &Path) -> PathBuf {
    folder.join("cache")
}

/// So many examples whose answer is `a`.
pub fn examples(count: usize) -> Vec<Example> {
    let example = |n: usize| Example::new(format!("val-{n:05}"), format!("text {n}"), "a");
    (0..count).map(example).collect()
}

/// How long these examples take, and what comes of them. All are answered right.
pub async fn evaluate(
    evaluator: &Evaluator,
    harness: &Learned,
    examples: &[Example],
) -> (Duration, Evaluation) {
    let begun = Instant::now();
    let set = ExampleSet::new(Split::Val, examples);
    let work = evaluator.evaluate(harness, set, RecordedEvaluation::default(), Arc::new(Discard));
    let done = work.await.expect("it is evaluated");
    let took = begun.elapsed();
    assert!(done.rows.iter().all(|row| row.correct), "every example is answered right");
    (took, done)
}

/// A target in this process that answers `a` after a while.
pub fn free_target(delay: Duration) -> Target {
    Target::new(MeteredModel::free(Arc::new(Delayed(delay)), Clock::System, Cancel::default()), None)
}

/// A model that answers after a while.
struct Delayed(Duration);

#[async_trait]
impl ChatModel for Delayed {
    fn id(&self) -> &str {
        "delayed"
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        if !self.0.is_zero() {
            tokio::time::sleep(self.0).await;
        }
        let content = vec![Block::Text { text: "a".into() }];
        Ok(ChatReply { content, ..ChatReply::default() })
    }
}
