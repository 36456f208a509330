//! The contract's versions, and its world of scorers: every way a scorer can end, one small guest each.

use std::{collections::BTreeMap, sync::Arc};

use mmh_engine::{
    build::BuiltScorer,
    compile::RejectionKind,
    runner::{Runner, ScorerCall},
    sandbox::{Answered, CallContext, Report, Sandbox, Task},
};
use mmh_record::{digest::Digest, grade::Grade, input::Field, input::Input, limits::Limits};
use mmh_tests::{builder, echo::Echo, guest, guests};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What each scorer comes to for the answer `Bergen`: the kind of ending, and what the message contains.
const TABLE: [(&str, &str, &str); 14] = [
    ("above_one.rs", "bad-grade", "score of a grade is 1.5: it has to be a number from 0 to 1"),
    ("call_limit.rs", "call-limit", "the limit of 16 model calls per example is reached"),
    ("exact.rs", "ok", ""),
    ("exit.rs", "exit", "the scorer ended its process as failed, with a code other than 0"),
    ("judge.rs", "ok", ""),
    ("large_grade.rs", "bad-grade", "which has 1 MiB, more than the limit of 64 B"),
    ("model_error.rs", "model-error", "the model is unavailable: it is asleep"),
    ("no_number.rs", "bad-grade", "score of a grade is NaN"),
    ("out_of_fuel.rs", "out-of-fuel", "the call used up its 1,000,000,000 units of fuel"),
    ("own_error.rs", "scorer-error", "no number in \"Bergen\""),
    ("panic.rs", "panic", "panicked at harness.rs:9:27: index out of bounds"),
    ("part_below_zero.rs", "bad-grade", "recall of a grade is -0.25: it has to be a number from 0 to 1"),
    ("part_twice.rs", "bad-grade", "the grade has two parts with the name \"recall\""),
    ("trap.rs", "trap", "unreachable"),
];

fn limits() -> Limits {
    Limits { fuel: 1_000_000_000, ..Limits::default() }
}

fn task() -> Task {
    Task { name: "capitals".into(), instructions: "Name the capital.".into(), labels: Vec::new() }
}

fn answered(answer: &str) -> Answered {
    let field = Field { name: "place".into(), value: "Europe".into() };
    let input = Input { text: "Norway".into(), fields: vec![field] };
    Answered { input, gold: "Oslo".into(), answer: answer.into() }
}

/// A runner that is far away: call and report are bytes in between.
async fn score(sandbox: &Sandbox, scorer: &BuiltScorer, answer: &str) -> Report<Grade> {
    let call = scorer.call(&Arc::new(task()), Digest::of("seed"), answered(answer));
    let bytes = serde_json::to_vec(&call).expect("it is data");
    let call: ScorerCall = serde_json::from_slice(&bytes).expect("it is read back");
    assert_eq!(call.component, scorer.component.digest);
    let report = Runner::score(sandbox, scorer, &call, Arc::new(Echo)).await;
    let bytes = serde_json::to_vec(&report).expect("it is data");
    let far: Report<Grade> = serde_json::from_slice(&bytes).expect("it is read back");
    assert_eq!((&far.result, far.fuel), (&report.result, report.fuel));
    far
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scorer_ends_as_expected() {
    let builder = builder(PROGRAM, limits()).await;
    assert_eq!(guests("score"), TABLE.map(|(name, ..)| name), "every guest has an expectation");
    for (name, kind, says) in TABLE {
        let built = builder.build_scorer(&guest(&format!("score/{name}"))).await.expect("the host can go on");
        let built = built.unwrap_or_else(|rejection| panic!("{name} does not build: {rejection:?}"));
        let report = score(&builder.sandbox, &built, "Bergen").await;
        match &report.result {
            Ok(_) => assert_eq!("ok", kind, "{name}"),
            Err(failure) => {
                assert_eq!(failure.kind.name(), kind, "{name}: {failure:?}");
                assert!(failure.message.contains(says), "{name}: {failure:?}");
            }
        }
        assert!(report.fuel > 0 && report.peak_memory_bytes > 0, "{name}");
        // As with a harness, the same call gives the same report.
        let again = score(&builder.sandbox, &built, "Bergen").await;
        assert_eq!((again.result, again.fuel), (report.result, report.fuel), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_is_told_everything_and_its_calls_are_on_record() {
    let builder = builder(PROGRAM, limits()).await;
    let build = async |name: &str| {
        let built = builder.build_scorer(&guest(&format!("score/{name}"))).await.expect("the host can go on");
        built.expect("it builds")
    };
    let judge = build("judge.rs").await;
    let report = score(&builder.sandbox, &judge, "Bergen").await;
    let question = "Name the capital. Norway Europe []: Bergen for Oslo?";
    let [call] = &report.calls[..] else { panic!("{:?}", report.calls) };
    assert_eq!(call.request.prompt_text(), question);
    assert_eq!(call.answer.result.as_ref().map(|reply| reply.text()), Ok(format!("echo {question}")));
    let logged: Vec<&str> = report.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(logged, ["15 of 16 calls are left"]);
    let score_of_reply = (question.len() + "echo ".len()) as f64 / 100.0;
    let parts = BTreeMap::from([("precision".to_owned(), 0.5), ("recall".to_owned(), 1.0)]);
    assert_eq!(report.result, Ok(Grade { score: score_of_reply, correct: true, parts }));

    let exact = build("exact.rs").await;
    for (answer, correct) in [("Oslo", true), ("oslo", false), ("", false)] {
        let report = score(&builder.sandbox, &exact, answer).await;
        assert_eq!(report.result, Ok(Grade::right_or_wrong(correct)), "{answer:?}");
        assert!(report.calls.is_empty(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harness_is_no_scorer_and_a_scorer_no_harness() {
    let builder = builder(PROGRAM, limits()).await;
    let (harness, scorer) = (guest("run/ok.rs"), guest("score/exact.rs"));
    let as_scorer = builder.build_scorer(&harness).await.expect("the host can go on").err();
    let as_harness = builder.build(&scorer).await.expect("the host can go on").err();
    // name, how it was refused, what the message says
    let table = [("a harness", as_scorer, "not a scorer: "), ("a scorer", as_harness, "not a harness: ")];
    for (name, rejection, says) in table {
        let rejection = rejection.unwrap_or_else(|| panic!("{name} is taken"));
        assert_eq!(rejection.kind, RejectionKind::BadComponent, "{name}: {rejection:?}");
        assert!(rejection.message.starts_with(says), "{name}: {rejection:?}");
    }
    let built = builder.build_scorer(&scorer).await.expect("the host can go on").expect("it builds");
    let loaded = builder.load_scorer(built.component.bytes.to_vec()).await.expect("the host can go on");
    assert_eq!(loaded.map(|loaded| loaded.component.digest).ok(), Some(built.component.digest));
}

/// The bytes of a component that was built against this version, as if it had been built against another one.
fn of_version(component: &[u8], version: &str) -> Vec<u8> {
    let (own, other) = (b"@2.0.0", format!("@{version}"));
    let mut bytes = component.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(own)).collect();
    assert!(!places.is_empty() && other.len() == own.len(), "versions are where they were, and as long");
    places.iter().for_each(|at| bytes[*at..][..other.len()].copy_from_slice(other.as_bytes()));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_major_version_decides_what_runs() {
    let builder = builder(PROGRAM, limits()).await;
    let harness = builder.build(&guest("run/ok.rs")).await.expect("the host can go on").expect("it builds");
    let again = "build it again from its source with the SDK of mmh:harness@2.0.0";
    let refused = |version: &str, step: &str| {
        Err(format!(
            "the component was built against mmh:harness@{version}, but this mmh speaks mmh:harness@2.0.0: {step}"
        ))
    };
    let newer = format!("use an mmh that speaks mmh:harness@3, or {again}");
    let answer = Ok("echo Name the capital. Norway".to_owned());
    let table = [
        ("1.0.0", refused("1.0.0", again)),
        ("1.9.9", refused("1.9.9", again)),
        ("2.0.0", answer.clone()),
        ("2.0.7", answer.clone()),
        ("2.3.0", answer),
        ("3.0.0", refused("3.0.0", &newer)),
        ("3.1.4", refused("3.1.4", &newer)),
    ];
    let task = task();
    for (version, expected) in table {
        let component = of_version(&harness.component.bytes, version);
        let found = match builder.load(component).await.expect("the host can go on") {
            Err(rejection) => {
                assert_eq!(rejection.kind, RejectionKind::BadImport, "{version}");
                Err(rejection.message)
            }
            Ok(built) => {
                let (seed, model) = (Digest::of("seed"), Arc::new(Echo));
                let setting = CallContext { task: &task, state: &[], seed, model };
                let report = builder.sandbox.predict(&built.prepared, setting, &"Norway".into()).await;
                report.result.map_err(|failure| failure.message)
            }
        };
        assert_eq!(found, expected, "{version}");
    }
}
