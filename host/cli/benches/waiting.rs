//! What waiting for models costs, and what memory calls take together: `cargo bench -p mmh --bench waiting`. Each figure
//! stands beside what it would be if nothing but the model took time.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;
mod shared;

use mmh_engine::memory::MemoryBudget;
use mmh_models::{
    cancel::Cancel,
    catalog::{Catalog, Overrides},
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
    remote::{Remote, Role},
};
use mmh_record::{
    chat::{ChatMessage, ChatRequest, ChatRole},
    clock::Clock,
    pricing::Price,
};
use mmh_search::{
    dataset::task::BASELINE,
    evaluate::{Learned, Target},
};
use shared::workshop::{self, Workshop};
use tokio::runtime::Runtime;

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

    fn predict(_task: &Task, state: &String, input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new(model.ask(format!("{input} {}", state.len()))?))
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
    let child =
        Command::new(program).arg(CHILD).arg(folder).arg(total_mib.to_string()).stdout(Stdio::null()).spawn();
    let (took, peak) = shared::watched(child.expect("it starts"), begun);
    // The program itself, its compiled code, and the state that all calls share.
    let verdict = if peak <= (total_mib + 300) * MIB { "" } else { "  EXCEEDED" };
    let [budget, peak] = [total_mib, peak / MIB].map(|mib| format!("{mib} MiB"));
    println!("{:<52} {budget:>12} {peak:>12} {took:>10.2?}{verdict}", "  --total-memory-mib");
}

async fn take_memory(folder: &Path, total_mib: u64) {
    let bench = Bench::new(folder, MemoryBudget::new(total_mib * MIB), LARGE_STATE).await;
    let latency = Duration::from_millis(200);
    let server = server::Server::start(move |_| server::Reply::new(200, REPLY).after(latency)).await;
    bench.evaluate(&server.url, 256, 512).await;
}

/// A harness that is ready to be evaluated.
struct Bench {
    workshop: Workshop,
    harness: Learned,
}

impl Bench {
    async fn new(folder: &Path, memory: MemoryBudget, source: &str) -> Self {
        let workshop = Workshop::new(folder, memory).await;
        let built = workshop.build(source).await;
        let state = if source == BASELINE { String::new() } else { format!("\"{}\"", "x".repeat(8 << 20)) };
        Self { workshop, harness: Learned::with_state(built, state.into_bytes()) }
    }

    /// How long so many examples take.
    async fn evaluate(&self, url: &str, at_once: usize, examples: usize) -> Duration {
        let evaluator = self.workshop.evaluator(Target::new(target(url, at_once), None), at_once);
        workshop::evaluate(&evaluator, &self.harness, &workshop::examples(examples)).await.0
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
