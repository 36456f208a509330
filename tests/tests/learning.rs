//! How harnesses learn: in batches that grow, of which a harness sees 20 examples at a time; and what the limits of a call are.

use std::{process::Command, sync::Arc};

use mmh_models::{cancel::Cancel, metering::MeteredModel};
use mmh_record::{
    clock::Clock,
    format::{LearnRow, Protocol},
    limits::Limits,
};
use mmh_search::{
    dataset::{self, BUILTIN, Dataset, Example},
    evaluate::{self, Evaluator, Learning, Lessons, RecordedEvaluation, Sink, Target, sink::KeptCalls},
    progress::Silent,
};
use mmh_simulated::target::SimulatedTarget;
use mmh_tests::{builder, cache_dir, environment, runs};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A harness that keeps all examples and asks CALLS times a portion.
const HARNESS: &str = r#"use mmh_sdk::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Memory {
    portions: Vec<usize>,
    examples: Vec<(String, String)>,
    replies: Vec<String>,
}

struct Keeps;

impl Harness for Keeps {
    type State = Memory;

    fn learn(task: &Task, mut state: Memory, feedback: &[Feedback], model: &Model) -> Result<Memory> {
        for call in 0..CALLS {
            let prompt = format!("{}\n\nLabels:\n{}\n\nText: {call} {}", task.instructions, task.label_list(), feedback[0].input);
            state.replies.push(model.complete(&Request::new(prompt).max_tokens(64))?.text);
        }
        state.portions.push(feedback.len());
        state.examples.extend(feedback.iter().map(|it| (it.input.text.clone(), it.gold.clone())));
        info!("{} examples", state.examples.len());
        Ok(state)
    }

    fn predict(task: &Task, _: &Memory, _: &Input, _: &Model) -> Result<Answer> {
        Ok(Answer::new(&task.labels[0]))
    }
}

mmh_sdk::export!(Keeps);
"#;

/// Train examples, more than the data set has.
fn train(dataset: &Dataset, count: usize) -> Vec<Example> {
    let all = dataset.train.iter().cycle().take(count).enumerate();
    all.map(|(at, it)| Example::new(format!("train-{at:04}"), it.input.clone(), &*it.gold)).collect()
}

/// The state, or why there is none, and the number of model calls.
async fn learn(
    limits: &Limits,
    calls: usize,
    train: &[Example],
    sizes: &[usize],
) -> (Result<Value, String>, usize) {
    let builder = builder(PROGRAM, limits.clone()).await;
    let source = HARNESS.replace("CALLS", &calls.to_string());
    let built = builder.build(&source).await.expect("the host can go on").expect("it builds");
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let clock = Clock::Fixed(jiff::Timestamp::UNIX_EPOCH);
    let model = MeteredModel::free(Arc::new(SimulatedTarget::new(0)), clock, Cancel::default());
    let evaluator = Evaluator {
        runner: builder.sandbox.clone(),
        target: Arc::new(Target::new(model, None)),
        kind: dataset.kind.clone(),
        task: Arc::new(dataset.task.clone()),
        seed: 0,
        concurrency: 4,
        lessons: Lessons::new(sizes, &Protocol::default()),
        record_bytes: u64::MAX,
        clock,
        times: Arc::default(),
        observer: Arc::new(Silent),
        cancel: Cancel::default(),
    };
    let kept = Arc::new(KeptCalls::default());
    let sink: Arc<dyn Sink> = kept.clone();
    let learning = evaluator.learn(built, train, &RecordedEvaluation::default(), &sink).await;
    let made = evaluator.lessons.batches(train).map(|batch| kept.take(&batch.id).len()).sum();
    let learned = match learning.expect("the host can go on") {
        Learning::Done(learned) => Ok(serde_json::from_slice(learned.state()).expect("JSON")),
        Learning::Failed { reason, .. } => Err(reason),
        Learning::Interrupted { .. } => panic!("nobody stops it"),
    };
    (learned, made)
}

/// Whatever the batches are, a harness sees the same portions, and may use as much for each of them.
#[tokio::test(flavor = "multi_thread")]
async fn batches_change_nothing_for_a_harness() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let examples = train(&dataset, 230);
    let grown = evaluate::plan(&examples, &Limits::default());
    assert_eq!(grown, [20, 20, 40, 80, 70], "the last batch has what is left");
    let limits = Limits { model_calls: 3, ..Limits::default() };
    // name, calls for each portion, whether it learns
    let table = [("asks nobody", 0, true), ("asks as often as it may", 3, true)];
    for (name, calls, learns) in table {
        let (old, old_calls) = learn(&limits, calls, &examples, &[]).await;
        let (new, new_calls) = learn(&limits, calls, &examples, &grown).await;
        assert_eq!(old.is_ok(), learns, "{name}: {old:?}");
        assert_eq!(new, old, "{name}: the state is the same");
        assert_eq!((new_calls, old_calls), (12 * calls, 12 * calls), "{name}");
        let portions = new.expect("a state")["portions"].clone();
        assert_eq!(portions, serde_json::json!([20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 10]), "{name}");
    }
}

/// What a call of `learn` may use grows with its portions, and what it may hold does not.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_counted_by_portions() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let examples = train(&dataset, 160);
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits { model_calls: 3, ..Limits::default() };
        change(&mut limits);
        limits
    };
    // name, limits, calls for each portion, the reason of the failure
    let table: [(&str, Limits, usize, &str); 4] = [
        ("too many calls", limits(|_| {}), 4, "learn failed at batch 0: call-limit"),
        ("too much fuel", limits(|it| it.fuel = 1_000), 0, "learn failed at batch 0: out-of-fuel"),
        ("too large a state", limits(|it| it.state_bytes = 20_000), 0, "the state has"),
        ("too little memory", limits(|it| it.memory_bytes = 1 << 20), 0, "learn failed at batch 0"),
    ];
    for (name, limits, calls, expected) in table {
        let (learned, _) = learn(&limits, calls, &examples, &[20, 20, 40, 80]).await;
        let reason = learned.expect_err(name);
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

/// A run's batches are in its configuration, and it says what its time went to. Both hold when it is verified.
#[test]
fn a_run_says_how_it_learned_and_what_its_time_went_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = folder.path().join("baseline.rs");
    std::fs::write(&baseline, HARNESS.replace("CALLS", "1")).expect("a file");
    let made = runs::command(PROGRAM, folder.path(), &["--mock", "--iterations", "1", "--eval-size", "6"])
        .arg("--baseline")
        .arg(&baseline)
        .output()
        .expect("the program starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let run = folder.path().join("runs/a");
    let json = |file: &str| -> Value {
        serde_json::from_slice(&std::fs::read(run.join(file)).expect("a file")).expect("JSON")
    };
    let sizes: Vec<usize> =
        serde_json::from_value(json("config.json")["learn_batches"].clone()).expect("sizes");
    let rows = std::fs::read_to_string(run.join("iterations/000/learn_trace.jsonl")).expect("a file");
    let rows: Vec<LearnRow> = rows.lines().map(|row| serde_json::from_str(row).expect("a row")).collect();
    assert_eq!(rows.iter().map(|row| row.n_examples).collect::<Vec<_>>(), sizes);
    let summary = json("summary.json");
    let time = |part: &str| summary["time"][part].as_u64().unwrap_or_else(|| panic!("{part}: {summary}"));
    let parts = ["proposer_ms", "target_ms", "compiling_ms", "sandbox_ms", "own_ms"].map(time);
    let began: jiff::Timestamp =
        serde_json::from_value(summary["config"]["started_at"].clone()).expect("a time");
    let ended: jiff::Timestamp = serde_json::from_value(summary["finished_at"].clone()).expect("a time");
    let lasted_ms = ended.as_millisecond() - began.as_millisecond();
    assert!(parts.iter().sum::<u64>() as i64 <= lasted_ms + 1, "{parts:?} in {lasted_ms} ms");
    assert!(parts.iter().sum::<u64>() as i64 * 2 > lasted_ms, "{parts:?} in {lasted_ms} ms");
    let shown = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(shown.contains("\ntime: ") && shown.contains("own "), "{shown}");
    // name, what is forged, what verify says
    type Forgery = (&'static str, fn(&mut Value), &'static str);
    let forgeries: [Forgery; 2] = [
        ("nothing", |_| {}, ""),
        (
            "other batches",
            |config| config["learn_batches"] = serde_json::json!([20, 60, 120]),
            "learn_batches",
        ),
    ];
    for (name, forge, expected) in forgeries {
        let (_copy, run) = runs::copy_of(&run);
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(run.join("config.json")).expect("a file")).expect("JSON");
        forge(&mut config);
        if !expected.is_empty() {
            std::fs::write(run.join("config.json"), serde_json::to_vec_pretty(&config).expect("JSON"))
                .expect("a file");
            runs::reseal(&run);
        }
        let verified = Command::new(PROGRAM)
            .args(["verify", "--json"])
            .arg(&run)
            .env_clear()
            .envs(environment())
            .env("MMH_CACHE_DIR", cache_dir())
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert_eq!(verified.status.success(), expected.is_empty(), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
    }
}
