//! Runs one case to its end, with the real compiler, jail and sandbox.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mmh_engine::{
    build::{Builder, Built},
    cache::Cache,
    compile::{Compiler, Rejection, Rust, native::Precompiler},
    jail::{Ending, Jail, Role, Spec},
    sandbox::{CallContext, CallIndex, LabelledExample, ModelPort, Report, Sandbox, Task},
    toolchain::{
        IfMissing, Toolchain,
        sdk::{self, Sdk},
    },
};
use mmh_record::{
    chat::{Block, CallOutcome, ChatReply, ChatRequest, StopReason, Usage},
    digest::Digest,
    input::Input,
    limits::Limits,
};
use mmh_tests::environment;
use wasmtime::Engine;

use crate::{
    PRISONER, PROGRAM,
    case::{Case, Damage, Form},
    suite, world,
};

/// Most output of a shell that is kept.
const OUTPUT_BYTES: usize = 4096;

/// What the cases have in common.
pub struct Bench {
    toolchain: Toolchain,
    sdk: Sdk,
    jail: Jail,
    fresh: Cache,
    pub warm: Cache,
    limits: Limits,
    engine: Engine,
}

/// How a case ended.
#[derive(Debug)]
pub struct Found {
    pub kind: String,
    /// Message, diagnostics, or what was predicted.
    pub said: String,
    /// The part of it that is the host's to show: message and diagnostics.
    pub shown: String,
    /// How long the last stage took: the call, where there was one.
    pub took: Duration,
}

impl Found {
    pub fn new(kind: &str, said: String, shown: String) -> Self {
        Self { kind: kind.to_owned(), said, shown, took: Duration::ZERO }
    }
}

impl Bench {
    pub async fn new(fresh: &Cache, warm: &Cache, limits: &Limits) -> Self {
        let toolchain =
            Toolchain::find(None, environment(), IfMissing::Report, &|_| {}).await.expect("a compiler");
        let sdk = sdk::ensure(warm, &toolchain, &|_| {}).await.expect("the SDK is built");
        let jail = Jail::new(PROGRAM.into());
        let engine = mmh_engine::sandbox::engine::new().expect("the engine starts");
        let (fresh, warm, limits) = (fresh.clone(), warm.clone(), limits.clone());
        Self { toolchain, sdk, jail, fresh, warm, limits, engine }
    }

    /// A builder with these limits. All share one engine, as the candidates of a run do.
    async fn builder(&self, limits: &Limits, cache: &Cache) -> Builder {
        let (engine, jail) = (self.engine.clone(), self.jail.clone());
        let (toolchain, sdk) = (self.toolchain.clone(), self.sdk.clone());
        let rust = Rust::new(toolchain, sdk, cache).await;
        let precompiler = Precompiler::new(engine.clone(), jail.clone(), cache.clone(), limits.clone());
        let compiler = Compiler::new(rust, jail, cache.clone(), limits.clone());
        let sandbox = Sandbox::new(engine, limits.clone()).expect("it links");
        Builder::of(compiler, precompiler, Arc::new(sandbox))
    }

    pub async fn build_innocent(&self, cache: &Cache) -> Built {
        let builder = self.builder(&self.limits, cache).await;
        builder.build(&suite::innocent()).await.expect("the host can go on").expect("it builds")
    }

    /// A sandbox with the suite's limits.
    pub fn sandbox(&self) -> Arc<Sandbox> {
        Arc::new(Sandbox::new(self.engine.clone(), self.limits.clone()).expect("it links"))
    }
}

/// Runs a case.
pub async fn run(bench: &Bench, case: &Case) -> Found {
    let begun = Instant::now();
    let mut found = to_its_end(bench, case).await;
    if found.took.is_zero() {
        found.took = begun.elapsed();
    }
    found
}

async fn to_its_end(bench: &Bench, case: &Case) -> Found {
    if case.form == Form::Shell {
        return prisoner(bench, case).await;
    }
    let cache = if case.name.starts_with("compile/") { &bench.fresh } else { &bench.warm };
    let builder = bench.builder(&case.limits, cache).await;
    let verdict = match case.form {
        Form::Rust => builder.build(&case.text).await,
        _ => builder.load(damaged(world::component(&case.text), case.damage)).await,
    };
    match verdict {
        Err(error) => Found::new("host-failed", error.to_string(), String::new()),
        Ok(Err(Rejection { kind, message, diagnostics })) => {
            let said = format!("{message}\n{diagnostics}");
            Found::new(kind.name(), said.clone(), said)
        }
        Ok(Ok(built)) => {
            let begun = Instant::now();
            let found = called(&builder.sandbox, &built, case).await;
            Found { took: begun.elapsed(), ..found }
        }
    }
}

async fn called(sandbox: &Sandbox, built: &Built, case: &Case) -> Found {
    if case.learns {
        return ended(&learn(sandbox, built).await);
    }
    let mut found = Vec::new();
    for _ in 0..case.examples {
        found.push(ended(&predict(sandbox, built, "the input").await));
    }
    let kind = found[0].kind.clone();
    assert!(found.iter().all(|it| it.kind == kind), "{}: {found:?}", case.name);
    let said: Vec<&str> = found.iter().map(|it| it.said.as_str()).collect();
    let shown: Vec<&str> = found.iter().map(|it| it.shown.as_str()).collect();
    Found::new(&kind, said.join(" "), shown.join(" "))
}

fn damaged(mut bytes: Vec<u8>, damage: Option<Damage>) -> Vec<u8> {
    match damage {
        None => {}
        Some(Damage::Cut(count)) => bytes.truncate(bytes.len().saturating_sub(count)),
        Some(Damage::Flip(at)) => bytes[at] ^= 0xff,
        Some(Damage::Append(count)) => bytes.resize(bytes.len() + count, 0),
    }
    bytes
}

fn ended<T: AsRef<[u8]>>(report: &Report<T>) -> Found {
    match &report.result {
        Ok(value) => Found::new("ok", String::from_utf8_lossy(value.as_ref()).into_owned(), String::new()),
        Err(failure) => Found::new(failure.kind.name(), failure.message.clone(), failure.message.clone()),
    }
}

/// A model that always says the same.
struct Model;

#[async_trait]
impl ModelPort for Model {
    async fn complete(&self, _: &Arc<ChatRequest>, _: CallIndex, _: Duration) -> CallOutcome {
        CallOutcome::unasked(Ok(ChatReply {
            content: vec![Block::Text { text: "a".into() }],
            stop_reason: StopReason::EndTurn,
            usage: Usage { input_tokens: 3, output_tokens: 1, ..Usage::default() },
            ..ChatReply::default()
        }))
    }
}

fn task() -> Task {
    Task { name: "hostile".into(), instructions: "Do it.".into(), labels: vec!["a".into(), "b".into()] }
}

/// One prediction, from a fresh state.
pub async fn predict(sandbox: &Sandbox, built: &Built, input: &str) -> Report<String> {
    let task = task();
    let setting = CallContext { task: &task, state: &[], seed: Digest::of(input), model: Arc::new(Model) };
    sandbox.predict(&built.prepared, setting, &Input::new(input)).await
}

async fn learn(sandbox: &Sandbox, built: &Built) -> Report<Vec<u8>> {
    let task = task();
    let setting = CallContext { task: &task, state: &[], seed: Digest::of("learn"), model: Arc::new(Model) };
    let batch =
        ["a", "b"].map(|gold| LabelledExample { input: "x".into(), gold: gold.into(), attempt: None });
    sandbox.learn(&built.prepared, setting, &batch).await
}

/// What a compiler that was taken over can do: a shell in the compiler's place, in a folder like its.
async fn prisoner(bench: &Bench, case: &Case) -> Found {
    let folder = bench.warm.scratch().expect("a folder");
    std::fs::create_dir(folder.path().join("out")).expect("a folder");
    std::fs::write(folder.path().join("secret"), "a secret of the host").expect("a file");
    let system = ["/bin", "/usr", "/lib", "/lib64"].map(PathBuf::from);
    let spec = Spec {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), case.text.clone()],
        env: vec![
            ("PATH".into(), "/bin:/usr/bin:/sbin:/usr/sbin".into()),
            ("PRISONER".into(), PRISONER.into()),
            ("ALLOWED".into(), allowed_calls()),
        ],
        cwd: folder.path().to_owned(),
        read: system.into_iter().chain([PRISONER.into()]).filter(|path| path.exists()).collect(),
        write: vec![folder.path().join("out")],
        role: Role::Compiler,
        memory_bytes: 256 << 20,
        file_bytes: 4 << 20,
        files_bytes: 16 << 20,
        cpu_s: 2,
    };
    let wall = Duration::from_millis(case.limits.rustc_wall_ms);
    let done = match bench.jail.run(&spec, wall, OUTPUT_BYTES).await {
        Ok(done) => done,
        Err(error) => return Found::new("host-failed", error.to_string(), String::new()),
    };
    let (kind, which) = match done.ending {
        Ending::Exited(_) => ("exited", String::new()),
        Ending::Signaled(signal) => ("killed", format!("by signal {signal} ")),
        Ending::TimedOut => ("timed-out", String::new()),
        Ending::OverLimit(excess) => ("over-limit", format!("{excess:?} ")),
    };
    Found::new(kind, format!("{which}{}\n{}", done.stdout.trim(), done.stderr.trim()), String::new())
}

/// The numbers of all system calls that the jail allows.
fn allowed_calls() -> String {
    let calls = mmh_engine::jail::syscalls::allowed(0, Role::Compiler);
    calls.iter().map(|it| it.number.to_string()).collect::<Vec<_>>().join(",")
}
