//! What a user waits for between a source and its score, beside what cannot be had for less: `cargo bench -p mmh --bench
//! build`.
//!
//! Each figure is the median of many, taken in turns with what it is compared with, so that noise hits both alike.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

use std::{
    process::Command,
    time::{Duration, Instant},
};

#[path = "build/bare.rs"]
mod bare;
#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;
mod shared;

use mmh_engine::{memory::MemoryBudget, sandbox::engine};
use mmh_record::{digest::Digest, metric::MetricSpec, scorer::ScorerSpec};
use mmh_search::{
    dataset::task::{BASELINE, LabelledTask, TaskKind},
    evaluate::{Evaluator, Learned},
    metric::Metric,
};
use shared::{
    waits::{self, median, new_source, print},
    workshop::{PROGRAM, Workshop, cache_dir, evaluate, examples, free_target},
};
use tokio::runtime::Runtime;

/// How often what compiles, and what does not, is measured.
const BUILDS: usize = 15;
const STARTS: usize = 40;

/// Examples of one measurement of a call.
const CALLS: usize = 200;

/// A harness that has more to compile than the baseline: it learns, and keeps examples by their words.
const FEW_SHOT: &str = include_str!("../../../runs/example/iterations/001/harness.rs");

/// Where an unchanged and a new candidate shall be ready, with their server, after 50 examples.
const UNCHANGED: Duration = Duration::from_millis(25);
const NEW: Duration = Duration::from_millis(420);

/// What a scorer may cost an example beyond its own fuel.
const GRADING: Duration = Duration::from_micros(150);

/// A scorer that does next to nothing, so that what it costs is the host's part.
const EXACT: &str = include_str!("../../../tests/guests/score/exact.rs");

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let bench = runtime.block_on(Workshop::new(folder.path(), MemoryBudget::unlimited()));
    waits::head();
    for (name, source) in [("baseline", BASELINE), ("few-shot", FEW_SHOT)] {
        compiling(&runtime, &bench, name, source);
    }
    for (name, source) in [("baseline", BASELINE), ("few-shot", FEW_SHOT)] {
        calling(&runtime, &bench, name, source);
    }
    grading(&runtime, &bench);
    let answer = |_: &server::Request| server::Reply::new(200, REPLY);
    let server = runtime.block_on(server::Server::start(answer));
    for (name, source) in [("baseline", BASELINE), ("few-shot", FEW_SHOT)] {
        whole(&bench, &server.url, name, source);
    }
}

/// From a new source to its component, and on to code that can be called.
fn compiling(runtime: &Runtime, bench: &Workshop, name: &str, source: &str) {
    let (mut bare, mut component, mut ready) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..BUILDS {
        bare.push(bench.bare_rustc(&new_source(source)));
        let new = new_source(source);
        let started = Instant::now();
        let verdict = runtime.block_on(bench.builder.compiler.compile(&new)).expect("the host can go on");
        component.push(started.elapsed());
        assert!(verdict.is_ok_and(|component| !component.cached));
        let new = new_source(source);
        let started = Instant::now();
        let verdict = runtime.block_on(bench.builder.build(&new)).expect("the host can go on");
        ready.push(started.elapsed());
        assert!(verdict.is_ok());
    }
    let (bare, component, ready) = (median(bare), median(component), median(ready));
    let limit = bare.mul_f64(1.1) + Duration::from_millis(30);
    print(&format!("new source to component, {name}"), component, Some(("bare rustc", bare)), Some(limit));
    print(&format!("  to native code, {name}"), ready, None, None);
}

/// One example after another: as an evaluation does it, and as wasmtime does by itself.
fn calling(runtime: &Runtime, bench: &Workshop, name: &str, source: &str) {
    let built = runtime.block_on(bench.build(source));
    let engine = engine::new().expect("the engine starts");
    let bare = bare::Bare::new(engine, &built.component.bytes);
    let harness = Learned::with_state(built, []);
    let examples = examples(CALLS);
    let evaluator = bench.evaluator(free_target(Duration::ZERO), 1);
    let (mut alone, mut evaluated) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let started = Instant::now();
        runtime.block_on(async {
            for example in &examples {
                let answer = bare.predict(&evaluator.task, &example.input.text).await.expect("it is called");
                assert_eq!(answer.as_deref(), Ok("a"));
            }
        });
        alone.push(started.elapsed() / CALLS as u32);
        let (took, _) = runtime.block_on(evaluate(&evaluator, &harness, &examples));
        evaluated.push(took / CALLS as u32);
    }
    let (alone, evaluated) = (median(alone), median(evaluated));
    let limit = alone.mul_f64(1.3);
    print(&format!("an example, {name}"), evaluated, Some(("bare wasmtime", alone)), Some(limit));
}

/// One example after another with a scorer, and without one. The difference has the little fuel that the scorer takes in it.
fn grading(runtime: &Runtime, bench: &Workshop) {
    let harness = Learned::with_state(runtime.block_on(bench.build(BASELINE)), []);
    let scorer = runtime.block_on(bench.builder.build_scorer(EXACT)).expect("the host can go on");
    let metric =
        Metric::new(&MetricSpec::scored_by(ScorerSpec::Source(Digest::of(EXACT)))).expect("a metric");
    let kind = LabelledTask::new(metric, Vec::new()).graded_by(scorer.expect("it builds"));
    let plain = bench.evaluator(free_target(Duration::ZERO), 1);
    let scored = Evaluator { kind, ..plain.clone() };
    let examples = examples(CALLS);
    let (mut without, mut with, mut fuel) = (Vec::new(), Vec::new(), 0);
    for _ in 0..STARTS {
        without.push(runtime.block_on(evaluate(&plain, &harness, &examples)).0 / CALLS as u32);
        let (took, done) = runtime.block_on(evaluate(&scored, &harness, &examples));
        with.push(took / CALLS as u32);
        fuel =
            done.rows.iter().filter_map(|row| row.scorer.as_ref()).map(|trace| trace.fuel).max().unwrap_or(0);
    }
    let (without, with) = (median(without), median(with));
    let beside = Some(("an example", without));
    print(
        &format!("a scorer, per example, with {fuel} fuel"),
        with.saturating_sub(without),
        beside,
        Some(GRADING),
    );
}

const REPLY: &str = r#"{"choices":[{"message":{"role":"assistant","content":"migraine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;

/// The whole program over 50 examples: a candidate that it does not know, and one that it does.
fn whole(bench: &Workshop, url: &str, name: &str, source: &str) {
    let file = bench.folder.join("candidate.rs");
    let run = || {
        let mut command = Command::new(PROGRAM);
        command.arg("eval").arg(&file).args(["--eval-size", "50", "--no-cache", "--allow-unpriced"]);
        command.args(["--target-model", "m", "--target-api", "openai", "--target-base-url", url]);
        command.arg("--cache-dir").arg(cache_dir(&bench.folder)).current_dir(&bench.folder);
        let started = Instant::now();
        let output = command.output().expect("the program starts");
        let took = started.elapsed();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        took
    };
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for _ in 0..BUILDS {
        std::fs::write(&file, new_source(source)).expect("a file");
        new.push(run());
        known.extend((0..STARTS / BUILDS).map(|_| run()));
    }
    print(&format!("mmh eval, 50 examples, new candidate, {name}"), median(new), None, Some(NEW));
    print(&format!("mmh eval, 50 examples, unchanged, {name}"), median(known), None, Some(UNCHANGED));
}
