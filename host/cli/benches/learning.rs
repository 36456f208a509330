//! How `learn` grows with the train examples, and what the time of a search goes to: `cargo bench -p mmh --bench learning`.
//!
//! The search waits as long as with real models: 5 s for a turn of the proposer, 1 s for the target. It has fewer iterations
//! than a real one, because all are alike: two, or as many as `MMH_BENCH_ITERATIONS` says.

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
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;

mod shared;

use mmh_engine::{memory::MemoryBudget, sandbox::Task};
use mmh_record::{
    format::{Protocol, Summary, TimeSpent},
    layout,
    limits::Limits,
};
use mmh_search::{
    dataset::{Example, task::BASELINE},
    evaluate::{Evaluator, Learning, Lessons, RecordedEvaluation, Sink, sink::Discard},
};
use serde_json::{Value, json};
use server::{Reply, Request, Server};
use shared::{
    Figure, LINEAR,
    workshop::{PROGRAM, Workshop, cache_dir, free_target},
};
use tokio::runtime::Runtime;

/// Train examples.
const EXAMPLES: [usize; 3] = [2_000, 10_000, 20_000];

/// The waiting of the search, and its sizes.
const TURN: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_secs(1);
const TURNS: usize = 8;
const EVALUATED: &str = "50";

/// The largest share of the host in the time of a search.
const OWN_SHARE: f64 = 0.01;

/// A harness that keeps all examples.
const KEEPS_ALL: &str = r#"use mmh_sdk::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Memory {
    examples: Vec<(String, String)>,
}

struct KeepsAll;

impl Harness for KeepsAll {
    type State = Memory;

    fn learn(_: &Task, mut state: Memory, feedback: &[Feedback], _: &Model) -> Result<Memory> {
        state.examples.extend(feedback.iter().map(|it| (it.input.text.clone(), it.gold.clone())));
        Ok(state)
    }

    fn predict(task: &Task, _: &Memory, _: &Input, _: &Model) -> Result<Answer> {
        Ok(Answer::new(&task.labels[0]))
    }
}

mmh_sdk::export!(KeepsAll);
"#;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    learning(&runtime, folder.path());
    searching(&runtime, folder.path());
}

/// `learn` of a harness that keeps all, at three sizes.
fn learning(runtime: &Runtime, folder: &Path) {
    let took_s = runtime.block_on(async {
        let workshop = Workshop::new(folder, MemoryBudget::unlimited()).await;
        let built = workshop.build(KEEPS_ALL).await;
        let mut took_s = [0.0; 3];
        for (took_s, examples) in took_s.iter_mut().zip(EXAMPLES) {
            let train: Vec<Example> = (0..examples).map(example).collect();
            let evaluator = evaluator(&workshop, &train);
            let mut times: Vec<f64> = Vec::new();
            for _ in 0..5 {
                let (sink, past): (Arc<dyn Sink>, _) = (Arc::new(Discard), RecordedEvaluation::default());
                let begun = Instant::now();
                let learning = evaluator.learn(built.clone(), &train, &past, &sink).await;
                times.push(begun.elapsed().as_secs_f64());
                let Learning::Done(learned) = learning.expect("the host can go on") else {
                    panic!("it learns")
                };
                assert!(learned.state().len() > 200 * examples, "all is kept");
            }
            times.sort_by(f64::total_cmp);
            *took_s = times[times.len() / 2];
        }
        took_s
    });
    shared::print(&[Figure {
        what: "learn, a harness that keeps all, examples",
        unit: "s",
        sizes: EXAMPLES,
        measured: took_s,
        most: f64::INFINITY,
        exponent: LINEAR,
    }]);
}

fn exceeded(holds: bool) -> &'static str {
    if holds { "" } else { "  EXCEEDED" }
}

/// About 200 bytes.
fn example(at: usize) -> Example {
    let input = format!("example {at:06}: {}", "some words of a text ".repeat(9));
    Example::new(format!("train-{at:06}"), input, format!("label {}", at % 20))
}

fn evaluator(workshop: &Workshop, train: &[Example]) -> Evaluator {
    Evaluator {
        task: Arc::new(Task { name: "t".into(), instructions: "i".into(), labels: vec!["a".into()] }),
        lessons: Lessons::planned(train, &Limits::default(), &Protocol::default()),
        ..workshop.evaluator(free_target(Duration::ZERO), 2)
    }
}

/// A whole search whose models take their time, on a server of this machine.
fn searching(runtime: &Runtime, folder: &Path) {
    let iterations = std::env::var("MMH_BENCH_ITERATIONS").unwrap_or_else(|_| "2".into());
    let version = AtomicUsize::new(0);
    let server = runtime.block_on(Server::start(move |request: &Request| {
        // What is no call of a model asks what the server offers: this one does not say.
        let Ok(body) = serde_json::from_str::<Value>(&request.body) else { return Reply::new(404, "{}") };
        let (content, wait) = match body["tools"].as_array() {
            Some(_) => {
                let turn = body["messages"].as_array().map_or(0, Vec::len) / 2;
                (proposal(turn, &version), TURN)
            }
            None => (json!([{ "type": "text", "text": "migraine" }]), CALL),
        };
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        let reply = json!({ "content": content, "stop_reason": "end_turn", "usage": usage });
        Reply::new(200, reply.to_string()).after(wait)
    }));
    // The SDK is there from before: it is built once for a compiler, so its time is no search's.
    let begun = Instant::now();
    let output = Command::new(PROGRAM)
        .args(["run", "--run-id", "timed", "--iterations", &iterations, "--eval-size", EVALUATED])
        .args(["--concurrency", "64", "--no-cache", "--budget-usd", "100", "--cache-dir"])
        .arg(cache_dir(folder))
        .args(["--target-model", "t", "--target-base-url", &server.url, "--target-api", "anthropic"])
        .args(["--target-price", "1,5", "--proposer-price", "1,5", "--proposer-model", "p"])
        .args(["--proposer-base-url", &server.url, "--proposer-api", "anthropic"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let wall = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = std::fs::read(folder.join("runs/timed").join(layout::SUMMARY)).expect("a summary");
    let summary: Summary = serde_json::from_slice(&summary).expect("JSON");
    let spent = summary.time.expect("it was measured");
    print(&iterations, wall, spent);
}

/// The parts, and what of the whole process was no waiting for models.
fn print(iterations: &str, wall: Duration, spent: TimeSpent) {
    println!(
        "\na search of {iterations} iterations, {TURNS} turns of {TURN:?}, {EVALUATED} examples, calls of {CALL:?}:"
    );
    for (name, ms) in spent.parts() {
        println!(
            "  {name:<10} {:>9.2} s {:>6.2} %",
            ms as f64 / 1e3,
            100.0 * ms as f64 / spent.total_ms() as f64
        );
    }
    let wall_ms = wall.as_secs_f64() * 1e3;
    let busy = 1.0 - (spent.proposer_ms + spent.target_ms) as f64 / wall_ms;
    println!(
        "  the process {:>8.2} s, of which {:.2} % were no waiting for models",
        wall_ms / 1e3,
        100.0 * busy
    );
    let own = spent.own_ms as f64 / spent.total_ms() as f64;
    println!(
        "own share {:.2} % (limit {:.0} %){}",
        100.0 * own,
        100.0 * OWN_SHARE,
        exceeded(own <= OWN_SHARE)
    );
}

/// What the proposer says in a turn: it reads, checks, tries and submits a harness that is new.
fn proposal(turn: usize, version: &AtomicUsize) -> Value {
    let call = |name: &str, input: Value| json!([{ "type": "tool_use", "id": format!("t{turn}"), "name": name, "input": input }]);
    let source = |at: usize| format!("{BASELINE}// {at}\n");
    let last = || version.load(Ordering::Relaxed);
    match turn {
        0 => call("scoreboard", json!({})),
        1 => call("list_iterations", json!({})),
        2 => call("read_harness", json!({ "iteration": 0 })),
        3 => call("read_eval_trace", json!({ "iteration": 0 })),
        4 => call("read_train", json!({ "limit": 50 })),
        5 => call("check_harness", json!({ "code": source(version.fetch_add(1, Ordering::Relaxed) + 1) })),
        6 => call("read_sdk", json!({})),
        _ => call("write_harness", json!({ "code": source(last()), "reasoning": "# It is new" })),
    }
}
