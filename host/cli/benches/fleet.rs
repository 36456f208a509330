//! What workers cost and bring: `cargo bench -p mmh --bench fleet`. Two workers, pinned to a processor each, beside one; a call
//! to a worker beside the same call here; many calls that do nothing. It needs `nats-server` and `taskset`.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/nats.rs"]
mod nats;
mod shared;

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use mmh_engine::{memory::MemoryBudget, runner::Runner};
use mmh_fleet::{
    Access, FleetError,
    coordinator::{Fleet, Settings},
};
use mmh_search::{
    dataset::task::BASELINE,
    evaluate::{Evaluator, Learned},
};
use nats::{Nats, Running};
use shared::workshop::{self, PROGRAM, Workshop};
use tokio::runtime::Runtime;

/// Examples of the comparison of one worker with two.
const HEAVY_EXAMPLES: usize = 200;

/// Calls that follow each other.
const SERIAL: usize = 400;

/// Calls that do nothing.
const TRIVIAL: usize = 5_000;

/// A harness that uses 500 million units of fuel for each example.
const HEAVY: &str = r#"
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &Input, _model: &Model) -> Result<Answer> {
        let mut number = input.text.len() as u64 | 1;
        for _ in 0..ROUNDS {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
        }
        Ok(Answer::new(if number == 0 { "b" } else { "a" }))
    }
}

mmh_sdk::export!(Guest);
"#;

/// Rounds of the loop, of some 17 units of fuel each.
const ROUNDS: u64 = 29_850_000;

/// A harness that does nothing at all.
const IDLE: &str = r#"
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
"#;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = Workshop::new(folder.path(), MemoryBudget::unlimited()).await;
    let heavy = workshop.build(&HEAVY.replace("ROUNDS", &ROUNDS.to_string())).await;
    let nats = Nats::start(&[]);
    let first = pinned(folder.path(), &nats.url(), 0);
    let one = evaluator(&workshop, &nats.url(), 1, 16).await;
    let harness = Learned::with_state(heavy, Vec::new());
    let (alone, done) = workshop::evaluate(&one, &harness, &workshop::examples(HEAVY_EXAMPLES)).await;
    let fuel = done.rows.iter().map(|row| row.fuel).max().unwrap_or_default();
    println!("{HEAVY_EXAMPLES} examples of {fuel} fuel, one worker on one processor: {alone:.2?}");
    let second = pinned(folder.path(), &nats.url(), 1);
    let two = evaluator(&workshop, &nats.url(), 2, 16).await;
    let (both, _) = workshop::evaluate(&two, &harness, &workshop::examples(HEAVY_EXAMPLES)).await;
    let ratio = alone.as_secs_f64() / both.as_secs_f64();
    let verdict = if ratio >= 1.8 { "" } else { "  EXCEEDED" };
    println!(
        "the same, two workers on a processor each: {both:.2?}, {ratio:.2} times as fast (at least 1.8){verdict}"
    );
    let (asking, idle) = (workshop.build(BASELINE).await, workshop.build(IDLE).await);
    let asking = Learned::with_state(asking, Vec::new());
    serial(&workshop, &two, &asking).await;
    let many = evaluator(&workshop, &nats.url(), 2, 64).await;
    let processes = [std::process::id(), nats.id(), first.id(), second.id()];
    let (took, with_model) = trivial(&many, &asking, processes).await;
    let verdict = if took <= Duration::from_secs(5) { "" } else { "  EXCEEDED" };
    println!(
        "{TRIVIAL} calls that do nothing but ask an instant model, 64 at once: {took:.2?} (at most 5 s){verdict}"
    );
    let (_, without) = trivial(&many, &Learned::with_state(idle, Vec::new()), processes).await;
    for (what, [coordinator, server, one, other]) in
        [("with a model call", with_model), ("without one", without)]
    {
        println!(
            "processor time of such a call, {what}: coordinator {coordinator} us, server {server} us, worker {} us",
            one + other
        );
    }
}

/// How long many calls that do nothing take, and the processor time of each of these processes for one of them, in
/// microseconds.
async fn trivial(many: &Evaluator, harness: &Learned, processes: [u32; 4]) -> (Duration, [u64; 4]) {
    let before = processes.map(processor_us);
    let (took, _) = workshop::evaluate(many, harness, &workshop::examples(TRIVIAL)).await;
    let mut used = processes.map(processor_us);
    used.iter_mut().zip(before).for_each(|(after, before)| *after = (*after - before) / TRIVIAL as u64);
    (took, used)
}

/// The processor time of a process so far. The kernel counts it in hundredths of a second.
fn processor_us(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process is there");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    ticks * 10_000
}

/// Calls one after the other, here and there.
async fn serial(workshop: &Workshop, far: &Evaluator, harness: &Learned) {
    let here = workshop.evaluator(workshop::free_target(Duration::ZERO), 1);
    let there = Evaluator { concurrency: 1, ..far.clone() };
    let examples = workshop::examples(SERIAL);
    let mut medians = Vec::new();
    for evaluator in [&here, &there] {
        let (_, done) = workshop::evaluate(evaluator, harness, &examples).await;
        let mut latencies: Vec<f64> = done.rows.iter().map(|row| row.latency_ms).collect();
        latencies.sort_by(f64::total_cmp);
        medians.push(latencies[latencies.len() / 2]);
    }
    let more = medians[1] - medians[0];
    let verdict = if more <= 1.5 { "" } else { "  EXCEEDED" };
    println!(
        "a call with one model call: {:.2} ms here, {:.2} ms there at the median: {more:.2} ms more (at most 1.5 ms){verdict}",
        medians[0], medians[1]
    );
}

/// A worker on one processor.
fn pinned(folder: &Path, url: &str, processor: usize) -> Running {
    let mut command = Command::new("taskset");
    command.args(["-c", &processor.to_string(), PROGRAM, "worker", "--nats", url]);
    command.args(["--name", &format!("processor {processor}")]);
    command.env("MMH_CACHE_DIR", workshop::cache_dir(folder)).stdout(Stdio::null()).stderr(Stdio::null());
    Running::of(command.spawn().expect("taskset starts"))
}

/// An evaluator whose calls are made by so many workers.
async fn evaluator(workshop: &Workshop, url: &str, workers: usize, at_once: usize) -> Evaluator {
    let access = Access { url: url.to_owned(), credentials: None, authority: None };
    loop {
        let settings = Settings { audit_share: 0.0, patience: Duration::from_secs(20) };
        let here = workshop.builder.sandbox.clone();
        match Fleet::join(&access, settings, here, Arc::new(|_| {})).await {
            Ok(fleet) if fleet.standing().workers == workers => {
                let runner: Arc<dyn Runner> = Arc::new(fleet);
                let target = workshop::free_target(Duration::ZERO);
                return Evaluator { runner, ..workshop.evaluator(target, at_once) };
            }
            Ok(_) | Err(FleetError::NoWorker(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => panic!("{error}"),
        }
    }
}
