//! Measures the figures of `docs/benchmarks.md` and prints each beside its limit: `cargo bench -p mmh`.
//!
//! Ratios are taken within one run, medians over several, because machines are shared and noisy.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

mod shared;

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;

use criterion::{Criterion, SamplingMode};
use mmh_engine::{
    cache::Cache,
    memory::MemoryBudget,
    sandbox::{CallIndex, ModelPort},
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
    pricing::Usd,
};
use mmh_search::{
    dataset::{Example, task::BASELINE},
    evaluate::{Evaluator, Learned, Target, replies::Replies},
};
use shared::{
    peak_bytes,
    workshop::{self, PROGRAM, Workshop, cache_dir, free_target},
};
use tokio::runtime::Runtime;

/// One line of the final table.
struct Figure {
    what: &'static str,
    measured: String,
    limit: String,
    holds: bool,
}

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let mut figures = Vec::new();
    whole_runs(&mut criterion, folder.path(), &mut figures);
    looking_back(&mut criterion, folder.path(), &mut figures);
    let bench = runtime.block_on(Bench::new(folder.path()));
    compiling(&mut criterion, &runtime, &bench, &mut figures);
    evaluating(&mut criterion, &runtime, &bench, &mut figures);
    calling(&mut criterion, &runtime, &bench, &mut figures);
    print(&figures);
    criterion.final_summary();
}

fn print(figures: &[Figure]) {
    println!("\n{:<62} {:>12} {:>16}", "", "measured", "limit");
    for Figure { what, measured, limit, holds } in figures {
        println!("{what:<62} {measured:>12} {limit:>16} {}", if *holds { "" } else { "  EXCEEDED" });
    }
}

fn figure(what: &'static str, measured: Duration, limit: Duration) -> Figure {
    Figure { what, measured: shown(measured), limit: shown(limit), holds: measured <= limit }
}

/// A figure that is only told.
fn without_limit(what: &'static str, measured: Duration) -> Figure {
    Figure { what, measured: shown(measured), limit: "-".into(), holds: true }
}

fn shown(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 1e-3 => format!("{:.1} ms", 1e3 * seconds),
        seconds => format!("{:.0} us", 1e6 * seconds),
    }
}

fn memory(what: &'static str, bytes: u64, limit_mb: u64) -> Figure {
    let measured = bytes / 1_000_000;
    Figure {
        what,
        measured: format!("{measured} MB"),
        limit: format!("{limit_mb} MB"),
        holds: measured <= limit_mb,
    }
}

/// Measures a closure with criterion and gives the median of what it measured.
fn median(criterion: &mut Criterion, name: &str, mut once: impl FnMut() -> Duration) -> Duration {
    let mut seen = Vec::new();
    let mut group = criterion.benchmark_group("figures");
    group.sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.measurement_time(Duration::from_millis(100));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let durations: Vec<Duration> = (0..times).map(|_| once()).collect();
            seen.extend(&durations);
            durations.iter().sum()
        });
    });
    group.finish();
    seen.sort();
    seen.get(seen.len() / 2).copied().unwrap_or_default()
}

/// `mmh run --mock --iterations 3`, from an empty cache and from a warm one.
fn whole_runs(criterion: &mut Criterion, folder: &Path, figures: &mut Vec<Figure>) {
    let number = AtomicU64::new(0);
    let peak = AtomicU64::new(0);
    let run = || {
        let id = format!("run-{}", number.fetch_add(1, Ordering::Relaxed));
        let started = Instant::now();
        let child = Command::new(PROGRAM)
            .args(["run", "--mock", "--iterations", "3", "--run-id", &id, "--cache-dir"])
            .arg(cache_dir(folder))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let (took, most) = shared::watched(child.expect("the program starts"), started);
        peak.fetch_max(most, Ordering::Relaxed);
        took
    };
    figures.push(figure("run --mock --iterations 3, first ever", run(), Duration::from_secs(60)));
    let warm = median(criterion, "run --mock --iterations 3, warm", run);
    figures.push(figure("run --mock --iterations 3, warm caches", warm, Duration::from_secs(5)));
    figures.push(memory("  resident at most", peak.load(Ordering::Relaxed), 300));
}

/// A run of 13 iterations of 100 examples: verified with an empty and with a warm cache of components, and
/// made into a report.
fn looking_back(criterion: &mut Criterion, folder: &Path, figures: &mut Vec<Figure>) {
    let mmh = |args: &[&str]| {
        let started = Instant::now();
        let mut command = Command::new(PROGRAM);
        command.args(args).arg("--cache-dir").arg(cache_dir(folder)).current_dir(folder);
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        started.elapsed()
    };
    mmh(&["run", "--mock", "--iterations", "12", "--no-test", "--run-id", "long"]);
    let warm = median(criterion, "verify, warm", || mmh(&["verify", "runs/long"]));
    let cold = median(criterion, "verify, cold", || {
        for kind in ["components", "native", "refusals"] {
            std::fs::remove_dir_all(cache_dir(folder).join(kind)).expect("it is there");
        }
        mmh(&["verify", "runs/long"])
    });
    let report = median(criterion, "report", || mmh(&["report", "runs/long", "-o", "long.html"]));
    figures.push(figure("verify, 13 x 100, no components in the cache", cold, Duration::from_secs(12)));
    figures.push(figure("verify, 13 x 100, warm cache", warm, Duration::from_secs(2)));
    figures.push(figure("report, 13 x 100", report, Duration::from_secs(1)));
    let bytes = std::fs::metadata(folder.join("long.html")).map_or(0, |found| found.len());
    let (measured, limit) = (bytes as f64 / 1e6, 1.5);
    figures.push(Figure {
        what: "  its size",
        measured: format!("{measured:.2} MB"),
        limit: format!("{limit:.2} MB"),
        holds: measured <= limit,
    });
}

/// What the later measurements share.
struct Bench {
    workshop: Workshop,
    number: AtomicU64,
}

impl Bench {
    async fn new(folder: &Path) -> Self {
        let workshop = Workshop::new(folder, MemoryBudget::unlimited()).await;
        Self { workshop, number: AtomicU64::new(0) }
    }

    /// A source that no cache has seen.
    fn new_source(&self) -> String {
        format!("{BASELINE}// {}\n", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// The baseline, which has learned nothing.
    fn baseline(&self, runtime: &Runtime) -> Learned {
        Learned::with_state(runtime.block_on(self.workshop.build(BASELINE)), [])
    }
}

fn compiling(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench, figures: &mut Vec<Figure>) {
    let build = |source: &str| {
        let started = Instant::now();
        runtime.block_on(bench.workshop.build(source));
        started.elapsed()
    };
    // Taken in turns, so that noise hits both alike.
    let mut bare = Vec::new();
    let new = median(criterion, "new source to runnable", || {
        bare.push(bench.workshop.bare_rustc(&bench.new_source()));
        build(&bench.new_source())
    });
    bare.sort();
    let bare = bare.get(bare.len() / 2).copied().unwrap_or_default();
    println!("bare rustc with the same flags: {bare:.2?}");
    figures.push(figure(
        "new source to runnable component",
        new,
        bare.mul_f64(1.3) + Duration::from_millis(150),
    ));
    let error = median(criterion, "type error", || {
        let source = bench.new_source().replace("Answer::new(label)", "Answer::new(3)");
        let started = Instant::now();
        let verdict = runtime.block_on(bench.workshop.builder.build(&source)).expect("the host can go on");
        assert!(verdict.is_err());
        started.elapsed()
    });
    println!("a type error answers after {error:.2?}");
    let known = bench.new_source();
    build(&known);
    let unchanged = median(criterion, "unchanged source", || build(&known));
    figures.push(figure("unchanged source to runnable component", unchanged, Duration::from_millis(10)));
}

fn evaluating(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench, figures: &mut Vec<Figure>) {
    let (harness, examples) = (bench.baseline(runtime), workshop::examples(1000));
    let evaluate = |delay: Duration, concurrency: usize| {
        let evaluator = bench.workshop.evaluator(free_target(delay), concurrency);
        runtime.block_on(workshop::evaluate(&evaluator, &harness, &examples)).0
    };
    let overhead =
        median(criterion, "1,000 examples, instant model, one at a time", || evaluate(Duration::ZERO, 1));
    figures.push(figure(
        "host overhead per example, instant model",
        overhead / 1000,
        Duration::from_micros(150),
    ));
    let many = median(criterion, "1,000 examples, 200 ms model, 256 at once", || {
        evaluate(Duration::from_millis(200), 256)
    });
    figures.push(figure(
        "1,000 examples, 200 ms model, 256 at once",
        many,
        Duration::from_millis(800).mul_f64(1.15),
    ));
    figures.push(memory("  resident at most", peak_bytes("self"), 400));
}

/// What a server says, and how long it takes to.
const REPLY: &str = r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":1}}"#;
const LATENCY: Duration = Duration::from_millis(300);

/// 2,000 calls over HTTP, as a run makes them: budget, retries, throttle and the cache of replies included.
/// First by themselves, then by a harness that makes one call an example.
fn calling(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench, figures: &mut Vec<Figure>) {
    let answer = |_: &server::Request| server::Reply::new(200, REPLY).after(LATENCY);
    let server = runtime.block_on(server::Server::start(answer));
    let evaluator = remote_evaluator(bench, &server.url);
    let (ideal, rounds) = (LATENCY.mul_f64(2000.0 / 512.0), AtomicU64::new(0));
    let calls = median(criterion, "2,000 target calls, 300 ms server, 512 at once", || {
        let round = rounds.fetch_add(1, Ordering::Relaxed);
        runtime.block_on(call_target(&evaluator.target, round))
    });
    figures.push(figure("2,000 target calls, 300 ms server, 512 at once", calls, ideal.mul_f64(1.15)));
    figures.push(memory("  resident at most, with the server", peak_bytes("self"), 500));
    let harness = bench.baseline(runtime);
    let examples = median(criterion, "the same by 2,000 examples", || {
        // New texts every time: nothing is in the cache.
        let round = rounds.fetch_add(1, Ordering::Relaxed);
        let input = |n: usize| format!("text {n} of round {round}");
        let example = |n: usize| Example::new(format!("val-{n:04}"), input(n), "a");
        let examples: Vec<Example> = (0..2000).map(example).collect();
        let (took, done) = runtime.block_on(workshop::evaluate(&evaluator, &harness, &examples));
        assert!(done.rows.iter().all(|row| row.cached_calls == 0));
        took
    });
    figures.push(without_limit("  the same by 2,000 examples", examples));
}

/// 2,000 new requests in 512 lanes.
async fn call_target(target: &Arc<Target>, round: u64) -> Duration {
    let (started, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let lanes = (0..512).map(|_| {
        let (target, next) = (target.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= 2000 {
                    return;
                }
                let text = format!("text {n} of round {round} {}", "x".repeat(600));
                let messages = vec![ChatMessage::text(ChatRole::User, text)];
                let request = Arc::new(ChatRequest { messages, max_tokens: 64, ..ChatRequest::default() });
                let called =
                    target.complete(&request, CallIndex { index: 0, draw: 0 }, Duration::from_secs(60)).await;
                assert!(called.result.is_ok() && !called.cached);
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("every call is answered");
    }
    started.elapsed()
}

fn remote_evaluator(bench: &Bench, url: &str) -> Evaluator {
    let catalog = Catalog::builtin().expect("the catalog is well-formed");
    let over = Overrides { base_url: Some(url.to_owned()), ..Overrides::default() };
    let model = catalog.resolve("claude-haiku-4-5", &over, "").expect("it is known");
    let price = model.price.clone().expect("it has a price");
    let remote = Remote::new(model, Role::Target, None, false).expect("a client");
    let cancel = Cancel::default();
    let budget = Arc::new(Budget::new(Usd::from_f64(1000.0)));
    let retry_policy = RetryPolicy { attempts: 6, attempt: Duration::from_secs(30), ..RetryPolicy::ONCE };
    let run = RunContext { budget, clock: Clock::System, cancel: cancel.clone() };
    let caller = MeteredModel::new(Arc::new(remote), price, Throttle::new(512), retry_policy, run);
    let replies = Cache::new(bench.workshop.folder.join("replies"));
    let replies = Replies::open(&replies).expect("a file of replies");
    Evaluator { cancel, ..bench.workshop.evaluator(Target::new(caller, Some(replies)), 512) }
}
