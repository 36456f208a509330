//! The bound on a harness's own time in one evaluation: what counts, what does not, and what is told of it.

use std::{process::Command, sync::Arc, time::Duration};

use async_trait::async_trait;
use mmh_models::{ChatError, ChatModel, cancel::Cancel, metering::MeteredModel};
use mmh_record::{
    chat::{Block, ChatReply, ChatRequest, StopReason},
    clock::Clock,
    data::Split,
    limits::Limits,
};
use mmh_search::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN, Dataset, Example},
    evaluate::{
        EVALUATION_TIMEOUT, Evaluator, ExampleSet, Learned, Learning, Lessons, RecordedEvaluation, Sink,
        Target, sink::Discard,
    },
    progress::Silent,
};
use mmh_tests::{builder, cache_dir, guest};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A model that takes its time.
struct Slow;

#[async_trait]
impl ChatModel for Slow {
    fn id(&self) -> &str {
        "slow"
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let content = vec![Block::Text { text: "flu".into() }];
        Ok(ChatReply { content, stop_reason: StopReason::EndTurn, ..ChatReply::default() })
    }
}

/// An evaluator with this bound, and the harness.
async fn prepare(source: &str, dataset: &Dataset, evaluation_ms: u64) -> (Evaluator, Learned) {
    let builder = builder(PROGRAM, Limits { evaluation_ms, ..Limits::default() }).await;
    let built = builder.build(source).await.expect("the host can go on").expect("it builds");
    let caller = MeteredModel::free(Arc::new(Slow), Clock::System, Cancel::default());
    let evaluator = Evaluator {
        runner: builder.sandbox.clone(),
        kind: dataset.kind.clone(),
        target: Arc::new(Target::new(caller, None)),
        task: Arc::new(dataset.task.clone()),
        seed: 0,
        lessons: Lessons::default(),
        times: Arc::default(),
        record_bytes: u64::MAX,
        concurrency: 2,
        clock: Clock::System,
        observer: Arc::new(Silent),
        cancel: Cancel::default(),
    };
    (evaluator, Learned::with_state(built, []))
}

fn sink() -> Arc<dyn Sink> {
    Arc::new(Discard)
}

#[tokio::test(flavor = "multi_thread")]
async fn computing_counts_and_waiting_does_not() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let examples: Vec<Example> = dataset.val.iter().take(12).cloned().collect();
    let busy = guest("run/busy.rs");
    // name, source, bound, own time before, whether all examples are run
    let table = [
        ("waits for a model", BASELINE, 2_000, 0, true),
        ("computes", &busy, 1, 0, false),
        ("computes, but not for long", &busy, 600_000, 0, true),
        ("has computed before", BASELINE, 2_000, 3_000, false),
    ];
    for (name, source, bound_ms, before_ms, complete) in table {
        let (evaluator, harness) = prepare(source, &dataset, bound_ms).await;
        let harness = Learned { own_time: Duration::from_millis(before_ms), ..harness };
        let done = evaluator
            .evaluate(&harness, ExampleSet::new(Split::Val, &examples), RecordedEvaluation::default(), sink())
            .await;
        let done = done.expect("the host can go on");
        assert_eq!(
            (done.complete, done.timed_out.is_none()),
            (complete, complete),
            "{name}: {:?}",
            done.timed_out
        );
        // Each of the two lanes finishes what it has begun.
        assert!(complete || done.rows.len() <= 2, "{name}: {} examples were run", done.rows.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn learning_counts() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let busy = guest("run/busy.rs");
    for (bound_ms, is_done) in [(600_000, true), (1, false)] {
        let (evaluator, harness) = prepare(&busy, &dataset, bound_ms).await;
        let learning = evaluator
            .learn(harness.trained.built, &dataset.train, &RecordedEvaluation::default(), &sink())
            .await;
        match learning.expect("the host can go on") {
            Learning::Done(learned) => assert!(is_done && learned.own_time > Duration::ZERO),
            Learning::Failed { status, reason, .. } => {
                assert!(!is_done && status == EVALUATION_TIMEOUT, "{status}: {reason}");
                assert!(reason.contains("stopped after 1 of "), "{reason}");
            }
            Learning::Interrupted { .. } => panic!("nobody interrupts"),
        }
    }
}

/// The outcome is typed, unscored, recorded with its limit, and shown to people and to the proposer.
#[test]
fn it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("busy.rs"), guest("run/busy.rs")).expect("a file");
    let mmh = |words: &str| {
        let output = Command::new(PROGRAM)
            .args(words.split(' '))
            .current_dir(folder.path())
            .env("MMH_CACHE_DIR", cache_dir())
            .output()
            .expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let says = "evaluation-timeout: the harness's own code took more than 1 s";
    let (code, said) = mmh("eval busy.rs --mock --evaluation-timeout-s 1");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(says) && said.contains("--evaluation-timeout-s is the limit"), "{said}");
    let run = "run --mock --baseline busy.rs --evaluation-timeout-s 1 --iterations 1 --run-id";
    let (code, said) = mmh(&format!("{run} a --eval-size 100 --no-test"));
    // Nobody is paid to start from such a baseline, unless the user goes on with it.
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the baseline was not scored: evaluation-timeout"), "{said}");
    let (code, said) = mmh("run --resume runs/a");
    assert_eq!(code, Some(0), "{said}");
    let json = |file: &str| -> Value {
        let path = folder.path().join("runs").join(file);
        serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("JSON")
    };
    assert_eq!(json("a/config.json")["limits"]["evaluation_ms"], 1_000);
    let unscored = &json("a/summary.json")["unscored"][0];
    assert_eq!((&unscored["index"], &unscored["status"]), (&0.into(), &EVALUATION_TIMEOUT.into()));
    // The proposer of iteration 1 asked for the list of iterations.
    let transcript = folder.path().join("runs/a/iterations/001/proposer.jsonl");
    let transcript = std::fs::read_to_string(transcript).expect("a transcript");
    assert!(transcript.contains(EVALUATION_TIMEOUT), "it is shown to the proposer");
    // Fast enough for a few examples, too slow for all held-out ones.
    let (code, said) = mmh(&format!("{run} b --eval-size 2"));
    assert_eq!(code, Some(0), "{said}");
    let summary = json("b/summary.json");
    assert_eq!(summary["untested"][0]["status"], EVALUATION_TIMEOUT, "{summary:#}");
    let verified = ["a", "b"].map(|run| mmh(&format!("verify runs/{run}")));
    for (code, said) in verified {
        assert!(code == Some(0) && said.contains("outcomes of the wall clock"), "{said}");
    }
    let (_, said) = mmh("summary runs/b");
    assert!(said.contains("no held-out score"), "{said}");
}
