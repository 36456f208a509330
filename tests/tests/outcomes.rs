//! Every way a harness can end, one small guest each: the kind, and what the message names.

use std::{collections::BTreeMap, sync::Arc};

use mmh_engine::sandbox::{Attempt, CallContext, LabelledExample, Report, Task};
use mmh_record::{digest::Digest, input::Field, input::Input, limits::Limits};
use mmh_tests::{builder, echo::Echo, guest, guests};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What a guest should come to.
struct Expected {
    kind: &'static str,
    /// What the label, or the message, contains.
    says: &'static [&'static str],
}

/// `predict` of every guest, one line each.
fn table() -> BTreeMap<&'static str, Expected> {
    let rows: [(&str, &str, &[&str]); 34] = [
        (
            "answer_limit.rs",
            "output-limit",
            &["the answer has 1 MiB, more than the limit of 64 KiB (--answer-kib)"],
        ),
        ("attempts.rs", "ok", &["[]"]),
        ("budget_spent.rs", "budget-spent", &["the run's budget is spent; the limit is --budget-usd"]),
        ("busy.rs", "ok", &["busy"]),
        (
            "calls_left.rs",
            "ok",
            &["[16, 15, 13, 11, 0, 0] Err(\"the limit of 16 model calls per example is reached\")"],
        ),
        (
            "call_limit.rs",
            "call-limit",
            &[
                "the limit of 16 model calls per example is reached; 16 model calls were made, the limit is 16 (--model-calls)",
            ],
        ),
        ("chance_and_time.rs", "ok", &["946684800"]),
        ("complete_all.rs", "ok", &["echo 0,echo 1,echo 2,echo 3,echo 4"]),
        ("error_limit.rs", "harness-error", &["xxx", "[cut: 65536 of 1048576 bytes shown]"]),
        ("exit.rs", "exit", &["the harness ended its process as failed, with a code other than 0"]),
        ("fields.rs", "ok", &["the input; place: Oslo\\ntags: [\"a\",1]; Some(\"Oslo\") None"]),
        ("fuel_left.rs", "ok", &["falls: true, a loop of a million: true, below the limit: true"]),
        ("harness_error.rs", "harness-error", &["nothing fits \"the input\""]),
        (
            "invalid_request.rs",
            "ok",
            &[
                "it has no messages; ",
                "is not the user's; ",
                "max-tokens is 0; ",
                "between 0 and 2; ",
                "a stop text is empty",
            ],
        ),
        ("late_panic.rs", "panic", &["panicked at harness.rs:", "after all that noise"]),
        ("learn_panic.rs", "ok", &["never"]),
        ("learner.rs", "ok", &["nothing"]),
        ("log_flood.rs", "ok", &["done"]),
        ("memory_limit.rs", "memory-limit", &["of memory were wanted, the limit is 256 MiB (--memory-mib)"]),
        ("memory_of_calls.rs", "ok", &["0"]),
        ("model_error.rs", "model-error", &["the model is unavailable: it is asleep"]),
        ("model_error_handled.rs", "ok", &["without the model: the model is unavailable: it is asleep"]),
        ("model_refused.rs", "model-error", &["the model refused: not this"]),
        ("ok.rs", "ok", &["echo Do it. the input"]),
        (
            "out_of_fuel.rs",
            "out-of-fuel",
            &[
                "the call used up its 1,000,000,000 units of fuel (--fuel) in ",
                "predict",
                "; it had logged last: info: round 7 | info: round 8 | info: round 9",
            ],
        ),
        (
            "panic.rs",
            "panic",
            &["panicked at harness.rs:12:25: index out of bounds: the len is 1 but the index is 9"],
        ),
        (
            "prompt_limit.rs",
            "prompt-limit",
            &[
                "the prompt is larger than the limit of 262144 bytes; the prompt has ",
                ", the limit is 256 KiB (--prompt-kib)",
            ],
        ),
        ("sleep.rs", "ok", &["3600 s later"]),
        (
            "record_limit.rs",
            "record-limit",
            &[
                "its model calls take ",
                "in the record; its share is 16 MiB of the 1 GiB that an evaluation may take (--evaluation-record-mib)",
                "the harness said: ",
            ],
        ),
        (
            "stack_overflow.rs",
            "stack-overflow",
            &["the calls nested deeper than 1 MiB of stack, which no option changes"],
        ),
        ("state_limit.rs", "ok", &["0"]),
        ("surroundings.rs", "ok", &["[] [] \"\""]),
        ("timeout.rs", "timeout", &["limit of 1.5 s of wall clock (--example-timeout-s)"]),
        ("trap.rs", "trap", &["unreachable"]),
    ];
    rows.into_iter().map(|(name, kind, says)| (name, Expected { kind, says })).collect()
}

/// Small enough that the guests which use everything up do so soon. Time is short for the guest that is
/// about time, and ample for all others.
fn limits(name: &str) -> Limits {
    let example_wall_ms = if name == "timeout.rs" { 1_500 } else { 60_000 };
    Limits { fuel: 1_000_000_000, example_wall_ms, ..Limits::default() }
}

fn input() -> Input {
    let field = |name: &str, value: &str| Field { name: name.into(), value: value.into() };
    Input { text: "the input".into(), fields: vec![field("place", "Oslo"), field("tags", "[\"a\",1]")] }
}

fn task() -> Task {
    Task { name: "test".into(), instructions: "Do it.".into(), labels: vec!["a".into(), "b".into()] }
}

fn setting<'a>(task: &'a Task, state: &'a [u8], seed: &str) -> CallContext<'a> {
    CallContext { task, state, seed: Digest::of(seed), model: Arc::new(Echo) }
}

async fn predict(name: &str) -> Report<String> {
    let builder = builder(PROGRAM, limits(name)).await;
    let built = builder.build(&guest(&format!("run/{name}"))).await.expect("the host can go on");
    let built = built.unwrap_or_else(|rejection| panic!("{name} does not build: {rejection:?}"));
    builder.sandbox.predict(&built.prepared, setting(&task(), &[], "seed"), &input()).await
}

async fn learn(name: &str) -> Report<Vec<u8>> {
    let builder = builder(PROGRAM, Limits::default()).await;
    let built = builder.build(&guest(&format!("run/{name}"))).await.expect("the host can go on");
    let built = built.unwrap_or_else(|rejection| panic!("{name} does not build: {rejection:?}"));
    let example = |gold: &str, attempt| LabelledExample { input: "x".into(), gold: gold.into(), attempt };
    let attempt = Attempt { answer: "c".into(), score: 0.25, correct: false };
    let batch = [example("a", None), example("b", Some(attempt)), example("a", None)];
    builder.sandbox.learn(&built.prepared, setting(&task(), &[], "seed"), &batch).await
}

fn shown<T: std::fmt::Debug>(report: &Report<T>) -> (String, String) {
    match &report.result {
        Ok(value) => ("ok".into(), format!("{value:?}")),
        Err(failure) => (failure.kind.name().into(), failure.message.clone()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_guest_ends_as_expected() {
    let table = table();
    assert_eq!(guests("run"), table.keys().copied().collect::<Vec<_>>(), "every guest has an expectation");
    for (name, expected) in table {
        let report = predict(name).await;
        let (kind, message) = shown(&report);
        let message = message.replace("\\\"", "\"");
        assert_eq!(kind, expected.kind, "{name}: {message}");
        for part in expected.says {
            assert!(message.contains(part), "{name}: {part:?} is not in {message:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn learning_ends_as_expected() {
    let table = [
        ("learner.rs", "ok", "{\"a\":2,\"b\":1}"),
        ("ok.rs", "ok", ""),
        (
            "attempts.rs",
            "ok",
            "[\"x a: None\",\"x b: Some(\\\"c 0.25 false\\\")\",\"x a: None\",\"16 15 echo what is there to learn?\"]",
        ),
        (
            "state_limit.rs",
            "output-limit",
            "more was handed to the host in one call than the limits on prompts and states allow",
        ),
        ("learn_panic.rs", "panic", "cannot learn 3 examples"),
    ];
    for (name, kind, says) in table {
        let report = learn(name).await;
        let (found, message) = match &report.result {
            Ok(state) => ("ok".to_owned(), String::from_utf8_lossy(state).into_owned()),
            Err(_) => shown(&report),
        };
        assert_eq!(found, kind, "{name}: {message}");
        assert!(message.contains(says), "{name}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_measured() {
    let spent = predict("out_of_fuel.rs").await;
    assert_eq!(spent.fuel, 1_000_000_000);
    let full = predict("memory_limit.rs").await;
    assert!((150 << 20..=256 << 20).contains(&full.peak_memory_bytes), "{}", full.peak_memory_bytes);
    let calls = predict("call_limit.rs").await;
    assert_eq!(calls.calls.len(), 16);
    let flood = predict("log_flood.rs").await;
    let logged: usize = flood.logs.iter().map(|line| line.message.len()).sum();
    assert!(
        logged <= 64 << 10 && flood.logs.last().is_some_and(|line| line.message.contains("the log is full"))
    );
    for (name, captured) in [("stdout", &flood.stdout), ("stderr", &flood.stderr)] {
        assert!(
            captured.len() <= (64 << 10) + 100 && captured.contains("[cut: "),
            "{name}: {} bytes",
            captured.len()
        );
    }
}

/// The same call gives the same answer and the same fuel; chance and time depend on the seed alone.
#[tokio::test(flavor = "multi_thread")]
async fn calls_repeat_exactly() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let task = task();
    for name in
        ["chance_and_time.rs", "fuel_left.rs", "ok.rs", "memory_of_calls.rs", "out_of_fuel.rs", "panic.rs"]
    {
        let built =
            builder.build(&guest(&format!("run/{name}"))).await.expect("the host can go on").expect(name);
        let call = async |seed: &str| {
            let report = builder.sandbox.predict(&built.prepared, setting(&task, &[], seed), &input()).await;
            (shown(&report), report.fuel, report.peak_memory_bytes)
        };
        let first = call("one").await;
        let again = futures::future::join_all((0..8).map(|_| call("one"))).await;
        assert!(again.iter().all(|found| *found == first), "{name}: {first:?} and {again:?}");
        if name == "chance_and_time.rs" {
            assert_ne!(call("two").await.0, first.0, "another seed gives another order");
        }
    }
}
