//! What waiting for models costs, and what memory calls take together: `cargo bench -p mmh --bench waiting`. Each figure
//! stands beside what it would be if nothing but the model took time.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;

use mmh_engine::{
    build::{Builder, Built},
    cache::Cache,
    compile::Rust,
    jail::Jail,
    memory::MemoryBudget,
    sandbox::Task,
    toolchain::{Environment, IfMissing, Toolchain, sdk},
};
use mmh_models::{
    cancel::Cancel,
    catalog::{Catalog, Overrides},
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
    remote::{Remote, Role},
};
use mmh_record::{
    chat::{ChatMessage, ChatRequest, ChatRole},
    clock::Clock,
    data::Split,
    limits::Limits,
    pricing::Price,
};
use mmh_search::{
    dataset::{
        Example,
        task::{BASELINE, Classification},
    },
    evaluate::{Evaluator, ExampleSet, Learned, RecordedEvaluation, Target, sink::Discard},
    progress::Silent,
};
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh");

/// The default of `--concurrency`.
const AT_ONCE: usize = 64;

/// What a server says.
const REPLY: &str = r#"{"choices":[{"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;

/// The argument with which this program measures itself: memory is that of a whole process.
const CHILD: &str = "--memory-of";

const MIB: u64 = 1 << 20;

/// A harness with a large state.
const LARGE_STATE: &str = r#"
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = String;

    fn predict(_task: &Task, state: &String, input: &str, model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(model.ask(format!("{input} {}", state.len()))?))
    }
}

mmh_sdk::export!(Guest);
"#;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = Runtime::new().expect("a runtime");
    if let Some([_, folder, total_mib]) = arguments.windows(3).find(|it| it[0] == CHILD) {
        let total_mib = total_mib.parse().expect("a number");
        return runtime.block_on(take_memory(Path::new(folder), total_mib));
    }
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(waves(folder.path()));
    runtime.block_on(refused());
    println!(
        "\n{:<52} {:>12} {:>12} {:>10}",
        "256 calls at once, a state of 8 MiB each", "budget", "resident", "time"
    );
    for total_mib in [512, 2048, 8192] {
        memory(folder.path(), total_mib);
    }
}

/// Examples that ask a server once, which takes its time: beside the time of the server alone.
async fn waves(folder: &Path) {
    println!("{:<52} {:>12} {:>12} {:>10} {:>10}", "", "measured", "ideal", "ratio", "at most");
    let bench = Bench::new(folder, MemoryBudget::unlimited(), BASELINE).await;
    for (examples, latency_ms, at_once, most) in
        [(50, 1000, AT_ONCE, 1.10), (1_000, 200, 256, 1.05), (10_000, 200, 1_024, 1.08)]
    {
        let latency = Duration::from_millis(latency_ms);
        let server = server::Server::start(move |_| server::Reply::new(200, REPLY).after(latency)).await;
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..3 {
            took.push(bench.evaluate(&server.url, at_once, examples).await);
        }
        took.sort();
        let ideal = latency * examples.div_ceil(at_once) as u32;
        let ratio = took[1].as_secs_f64() / ideal.as_secs_f64();
        let what = format!("{examples} examples, a server of {latency_ms} ms, {at_once} at once");
        let verdict = if ratio <= most { "" } else { "  EXCEEDED" };
        println!("{what:<52} {:>12.2?} {ideal:>12.2?} {ratio:>10.3} {most:>10.2}{verdict}", took[1]);
    }
}

/// A call to an address on this machine at which nothing listens.
async fn refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let model = target(&url, AT_ONCE);
    let messages = vec![ChatMessage::text(ChatRole::User, "hello")];
    let begun = Instant::now();
    let called = model.call(&ChatRequest { messages, max_tokens: 9, ..ChatRequest::default() }, None).await;
    assert!(called.result.is_err(), "nobody answers");
    let took = begun.elapsed();
    let verdict = if took <= Duration::from_secs(1) { "" } else { "  EXCEEDED" };
    println!(
        "{:<52} {took:>12.2?} {:>12} {:>10} {:>10}{verdict}",
        "nothing listens on this machine", "-", "-", "1 s"
    );
}

/// The memory of a process that runs 256 calls at once within a budget.
fn memory(folder: &Path, total_mib: u64) {
    let program = std::env::current_exe().expect("this program");
    let begun = Instant::now();
    let mut child = Command::new(program)
        .arg(CHILD)
        .arg(folder)
        .arg(total_mib.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut peak = 0;
    let ended = loop {
        peak = peak.max(peak_bytes(child.id()));
        match child.try_wait().expect("it runs") {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(ended.success(), "every call is answered");
    // The program itself, its compiled code, and the state that all calls share.
    let verdict = if peak <= (total_mib + 300) * MIB { "" } else { "  EXCEEDED" };
    let [budget, peak] = [total_mib, peak / MIB].map(|mib| format!("{mib} MiB"));
    println!("{:<52} {budget:>12} {peak:>12} {:>10.2?}{verdict}", "  --total-memory-mib", begun.elapsed());
}

async fn take_memory(folder: &Path, total_mib: u64) {
    let bench = Bench::new(folder, MemoryBudget::new(total_mib * MIB), LARGE_STATE).await;
    let latency = Duration::from_millis(200);
    let server = server::Server::start(move |_| server::Reply::new(200, REPLY).after(latency)).await;
    bench.evaluate(&server.url, 256, 512).await;
}

/// The most memory that a process has had resident so far.
fn peak_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// A harness that is ready to be evaluated.
struct Bench {
    builder: Builder,
    harness: Learned,
}

impl Bench {
    async fn new(folder: &Path, memory: MemoryBudget, source: &str) -> Self {
        let names = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
        let environment: Environment =
            names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect();
        let found = Toolchain::find(None, environment, IfMissing::Report, &|_| {});
        let toolchain = found.await.expect("there is a compiler");
        let cache = Cache::new(folder.join("cache"));
        let sdk = sdk::ensure(&cache, &toolchain, &|_| {}).await.expect("the SDK builds");
        let rust = Rust::new(toolchain, sdk, &cache).await;
        let jail = Jail::new(PathBuf::from(PROGRAM));
        let builder = Builder::new(rust, jail, cache, Limits::default(), memory);
        let builder = builder.expect("the engine starts");
        let built: Built = builder.build(source).await.expect("the host can go on").expect("it builds");
        let state = if source == BASELINE { String::new() } else { format!("\"{}\"", "x".repeat(8 << 20)) };
        Self { builder, harness: Learned::with_state(built, state.into_bytes()) }
    }

    /// How long so many examples take.
    async fn evaluate(&self, url: &str, at_once: usize, examples: usize) -> Duration {
        let example = |n: usize| Example::new(format!("val-{n:05}"), format!("text {n}"), "a");
        let examples: Vec<Example> = (0..examples).map(example).collect();
        let evaluator = Evaluator {
            kind: Arc::new(Classification),
            runner: self.builder.sandbox.clone(),
            target: Arc::new(Target::new(target(url, at_once), None)),
            task: Arc::new(Task {
                name: "t".into(),
                instructions: "i".into(),
                labels: vec!["a".into(), "b".into()],
            }),
            seed: 0,
            concurrency: at_once,
            record_bytes: u64::MAX,
            clock: Clock::System,
            observer: Arc::new(Silent),
            cancel: Cancel::default(),
            learn_batches: [].into(),
            times: Arc::default(),
        };
        let begun = Instant::now();
        let set = ExampleSet::new(Split::Val, &examples);
        let work = evaluator.evaluate(&self.harness, set, RecordedEvaluation::default(), Arc::new(Discard));
        let done = work.await.expect("it is evaluated");
        assert!(done.rows.iter().all(|row| row.correct), "every call is answered");
        begun.elapsed()
    }
}

/// The target at this address, as a run asks it.
fn target(url: &str, at_once: usize) -> MeteredModel {
    let catalog = Catalog::builtin().expect("the catalog is well-formed");
    let over = Overrides { base_url: Some(url.to_owned()), ..Overrides::default() };
    let model = catalog.resolve("some-model", &over, "").expect("any model of one's own server");
    let remote = Remote::new(model, Role::Target, None, false).expect("a client");
    let retry_policy = RetryPolicy { attempts: 6, attempt: Duration::from_secs(60), ..RetryPolicy::ONCE };
    let budget = Arc::new(Budget::unlimited());
    let run = RunContext { budget, clock: Clock::System, cancel: Cancel::default() };
    MeteredModel::new(Arc::new(remote), Price::default(), Throttle::new(at_once), retry_policy, run)
}
