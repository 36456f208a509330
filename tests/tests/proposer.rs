//! The proposer's loop with scripted proposers: one that never submits, one that calls tools wrongly, one
//! that mends its source, one that fails. Each ends its iteration, never the run.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use mmh_models::{
    ChatError, ChatModel,
    cancel::Cancel,
    metering::{MeteredModel, budget::Budget},
    wellformed,
};
use mmh_record::{
    chat::{Block, ChatReply, ChatRequest, ModelError, StopReason, Usage},
    clock::Clock,
    digest::Digest,
    format::{Config, CostFile, SCHEMA_VERSION, Summary, ToolchainInfo, WitInfo},
    limits::Limits,
    writer::{Beginning, RunWriter},
};
use mmh_search::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN},
    evaluate::{Evaluator, Lessons, Target},
    leaks::Lint,
    progress::Silent,
    propose::ModelLoop,
    search::Search,
};
use mmh_simulated::target::SimulatedTarget;
use mmh_tests::{builder, guest};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

type Turn = Box<dyn Fn(usize) -> Result<Vec<Block>, ModelError> + Send + Sync>;

/// A proposer that does what a function says, turn by turn.
struct Scripted {
    turns: AtomicUsize,
    turn: Turn,
}

#[async_trait]
impl ChatModel for Scripted {
    fn id(&self) -> &str {
        "scripted"
    }

    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ChatError> {
        let content = (self.turn)(self.turns.fetch_add(1, Ordering::Relaxed))?;
        let usage = Usage { input_tokens: 10, output_tokens: 1, ..Usage::default() };
        Ok(ChatReply { content, stop_reason: StopReason::ToolUse, usage, ..ChatReply::default() })
    }
}

fn text(text: &str) -> Vec<Block> {
    vec![Block::Text { text: text.into() }]
}

fn call(name: &str, input: Value) -> Vec<Block> {
    vec![Block::ToolUse { id: format!("call-{name}"), name: name.into(), input }]
}

/// Several calls in one turn: name, arguments, and what the answer shall contain.
fn all_at_once(calls: &[(&str, Value, &str)]) -> Vec<Block> {
    let numbered = calls.iter().enumerate();
    let blocks = numbered.map(|(at, (name, input, _))| Block::ToolUse {
        id: format!("call-{at}"),
        name: (*name).into(),
        input: input.clone(),
    });
    blocks.collect()
}

/// A proposer whose replies a test writes whole, and that keeps what it was asked.
struct Replying {
    context_tokens: u64,
    asked: Mutex<Vec<ChatRequest>>,
    turn: Box<dyn Fn(usize) -> ChatReply + Send + Sync>,
}

#[async_trait]
impl ChatModel for Replying {
    fn id(&self) -> &str {
        "replying"
    }

    fn context_tokens(&self) -> u64 {
        self.context_tokens
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let mut asked = self.asked.lock().expect("no panic");
        asked.push(request.clone());
        let mut reply = (self.turn)(asked.len() - 1);
        reply.usage.input_tokens = (request.prompt_text().len() + tool_results(request)) as u64 / 3;
        Ok(reply)
    }
}

fn tool_results(request: &ChatRequest) -> usize {
    let blocks = request.messages.iter().flat_map(|message| &message.content);
    let sizes = blocks.map(|block| match block {
        Block::ToolResult { content, .. } => content.len(),
        _ => 0,
    });
    sizes.sum()
}

fn said(content: Vec<Block>, stop_reason: StopReason) -> ChatReply {
    ChatReply { content, stop_reason, ..ChatReply::default() }
}

/// A search of one iteration with this proposer.
async fn search(folder: &Path, turn: Turn) -> Summary {
    search_limited(folder, limits(), turn).await
}

async fn search_with(folder: &Path, proposer: Arc<dyn ChatModel>) -> Summary {
    searched(folder, limits(), proposer).await
}

async fn search_limited(folder: &Path, limits: Limits, turn: Turn) -> Summary {
    searched(folder, limits, Arc::new(Scripted { turns: AtomicUsize::new(0), turn })).await
}

fn limits() -> Limits {
    Limits { proposer_steps: 6, ..Limits::default() }
}

async fn searched(folder: &Path, limits: Limits, proposer: Arc<dyn ChatModel>) -> Summary {
    let builder = builder(PROGRAM, limits.clone()).await;
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let val = dataset::sample(&dataset.val, 5, 0);
    let clock = Clock::Fixed(Timestamp::UNIX_EPOCH);
    let config = Config {
        schema_version: SCHEMA_VERSION,
        run_id: "test".into(),
        iterations: 1,
        dataset: dataset.task.name.clone(),
        dataset_path: None,
        dataset_columns: Default::default(),
        eval_split_size: val.len(),
        proposer_model: "scripted".into(),
        target_model: "simulated-target".into(),
        mock: true,
        started_at: clock.now(),
        seed: 0,
        concurrency: 4,
        with_test: false,
        limits: limits.clone(),
        prices: Default::default(),
        budget_usd: None,
        candidate_budget_usd: None,
        providers: Default::default(),
        task: dataset.info(),
        dataset_digest: dataset.digest,
        harness_language: Default::default(),
        toolchain: ToolchainInfo {
            rustc: String::new(),
            target: String::new(),
            flags: Vec::new(),
            compiler: Vec::new(),
            linker: Vec::new(),
        },
        sdk_digest: Digest::of(""),
        sdk_build_digest: Digest::of(""),
        wit: WitInfo { package: String::new(), digest: Digest::of("") },
        host_version: String::new(),
        deny_leaks: false,
        confinement: Default::default(),
        proposer_kind: Default::default(),
        patience: 3,
        learn_batches: Vec::new(),
        protocol: mmh_record::format::Protocol::default(),
        proposer_command: None,
        target_facts: None,
        given_components: Vec::new(),
        resumes: Vec::new(),
    };
    let (summary, cost) = (Summary::new(config.clone()), CostFile::default());
    let beginning =
        Beginning { config: &config, summary: &summary, cost: &cost, baselines: &[BASELINE.into()] };
    let writer = RunWriter::create(folder, &beginning).expect("a run folder");
    let (observer, cancel) = (Arc::new(Silent), Cancel::default());
    let free = |model| MeteredModel::free(model, clock, cancel.clone());
    let target = Arc::new(Target::new(free(Arc::new(SimulatedTarget::new(0))), None));
    let evaluator = Evaluator {
        runner: builder.sandbox.clone(),
        kind: dataset.kind.clone(),
        target,
        task: Arc::new(dataset.task.clone()),
        seed: 0,
        concurrency: 4,
        lessons: Lessons::default(),
        times: Arc::default(),
        record_bytes: u64::MAX,
        clock,
        observer: observer.clone(),
        cancel: cancel.clone(),
    };
    let proposer = Arc::new(ModelLoop::new(free(proposer), limits));
    let baseline = BASELINE.to_owned();
    let lint = Lint::new(&dataset.train, &dataset.val, &dataset.test);
    let search = Search {
        config,
        dataset,
        val,
        summary,
        baselines: vec![baseline.into()],
        builder,
        lint,
        evaluator,
        proposer,
        budget: Arc::new(Budget::unlimited()),
        writer,
        clock,
        observer,
        cancel,
        claims: None,
    };
    search.run().await.expect("the run goes on").0
}

/// A harness that does what the baseline does with another limit, so that its component is another one.
fn another() -> String {
    BASELINE.replace("max_tokens(64)", "max_tokens(65)")
}

/// Each of these proposers ends its iteration without a score, for the reason given; the baseline stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposer_without_a_submission_ends_its_iteration() {
    let broken = "use mmh_sdk::prelude::*;\nfn main() { let x: u32 = \"\"; }\n";
    let table: [(&str, Turn, &str, &str); 5] = [
        (
            "only talks",
            Box::new(|_| Ok(text("Let me think."))),
            "gave-up",
            "it answered 3 times in a row without calling a tool",
        ),
        (
            "reads for ever",
            Box::new(|_| Ok(call("scoreboard", json!({})))),
            "gave-up",
            "it used up its 6 steps",
        ),
        (
            "submits what does not compile",
            Box::new(move |_| Ok(call("write_harness", json!({ "code": broken, "reasoning": "hope" })))),
            "did-not-compile",
            "it used up its 6 steps; its last submission: error[E0308]: mismatched types",
        ),
        (
            "is refused this conversation",
            Box::new(|turn| match turn {
                // The second call is a control request, which is answered; the third is the first one again.
                1 => Ok(text("OK")),
                _ => Err(ModelError::Unavailable("cannot read this".into())),
            }),
            "proposer-error",
            "cannot read this",
        ),
        (
            "is told that the conversation is too long",
            Box::new(|turn| match turn {
                0 => Ok(call("scoreboard", json!({}))),
                _ => Err(ModelError::Refused("too long".into())),
            }),
            "proposer-error",
            "the model refused: too long",
        ),
    ];
    for (name, turn, status, reason) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let summary = search(folder.path(), turn).await;
        assert_eq!(summary.iterations.len(), 1, "{name}: only the baseline has a score");
        let found = &summary.unscored[0];
        assert_eq!(
            (found.index, found.status.as_str(), found.reason.as_str()),
            (1, status, reason),
            "{name}"
        );
        assert!(summary.finished_at.is_some() && summary.best_iteration_index == Some(0), "{name}");
    }
}

/// A proposer that answers nobody stops the run: it can be gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposer_that_answers_nobody_stops_the_run() {
    // name, what every call comes to, what is said
    let table: [(&str, ModelError, &str); 2] = [
        ("is not there", ModelError::Unavailable("no route".into()), "no route"),
        ("has a wrong key", ModelError::Unusable("check the key".into()), "check the key"),
    ];
    for (name, error, says) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let summary = search(folder.path(), Box::new(move |_| Err(error.clone()))).await;
        let found = &summary.unscored[0];
        assert_eq!((found.index, found.status.as_str()), (1, "model-unusable"), "{name}");
        assert!(summary.finished_at.is_none() && summary.best_iteration_index == Some(0), "{name}");
        assert!(summary.stopped.is_some_and(|stopped| stopped.reason.contains(says)), "{name}");
    }
}

/// A wrong call comes back as a tool error that says what is wrong; the loop goes on.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_calls_are_answered() {
    let calls: Vec<(&str, Value, &str)> = vec![
        ("no_such_tool", json!({}), "there is no tool \"no_such_tool\"; the tools are list_iterations, "),
        ("read_harness", json!({ "iteration": 7 }), "iteration 7 has no harness.rs"),
        (
            "read_harness",
            json!({ "iteration": -1 }),
            "bad arguments for read_harness: iteration is -1: a whole number of 0 or more is expected",
        ),
        ("read_harness", json!({ "iteration": 1e30 }), "bad arguments for read_harness"),
        (
            "read_harness",
            json!({ "iteration": "../../config.json" }),
            "bad arguments for read_harness: iteration is \"../../config.json\": a whole number",
        ),
        (
            "read_harness",
            json!({ "iteration": 0, "path": "x" }),
            "it has no argument \"path\"; its arguments are iteration",
        ),
        ("read_score", json!([1, 2]), "bad arguments for read_score: an object of JSON is expected"),
        (
            "read_score",
            json!("{\"iteration\": "),
            "bad arguments for read_score: an object of JSON is expected",
        ),
        (
            "read_train",
            json!({ "label": "no such label" }),
            "there is no label \"no such label\"; the labels are allergy, ",
        ),
        ("read_eval_trace", json!({ "iteration": 9 }), "iteration 9 was not evaluated"),
        (
            "try_harness",
            json!({ "code": BASELINE, "example_ids": ["val-9999"] }),
            "there is no validation example \"val-9999\"",
        ),
        (
            "try_harness",
            json!({ "code": BASELINE, "example_ids": ["test-0001"] }),
            "there is no validation example \"test-0001\"",
        ),
        ("try_harness", json!({ "code": BASELINE, "example_ids": [] }), "0 example ids were given; 1 to 10"),
        ("try_harness", json!({ "code": BASELINE, "split": "test", "folds": 3 }), "split is \"test\": "),
        (
            "try_harness",
            json!({ "code": BASELINE, "split": "train", "folds": 99 }),
            "folds is 99: 2 to 10 are possible",
        ),
        (
            "try_harness",
            json!({ "code": BASELINE, "split": "train", "example_ids": ["val-0001"] }),
            "example_ids name validation examples",
        ),
        ("try_harness", json!({ "code": BASELINE, "folds": 3 }), "folds and rows are for split \"train\""),
        ("compare_iterations", json!({ "a": 0, "b": 7 }), "iteration 7 was not evaluated"),
        ("add_note", json!({ "text": "x".repeat(2_001) }), "the limit is 2"),
        (
            "write_harness",
            json!({ "code": "fn main() {}" }),
            "the argument reasoning is missing: a text is expected",
        ),
        ("diff_harness", json!({ "a": 0, "b": 1 }), "iteration 1 has no harness.rs"),
    ];
    let blocks = all_at_once(&calls);
    let folder = tempfile::tempdir().expect("a folder");
    search(folder.path(), Box::new(move |turn| Ok(if turn == 0 { blocks.clone() } else { text("done") })))
        .await;
    let results = results(folder.path());
    assert_eq!(results.len(), calls.len());
    for ((content, is_error), (name, input, says)) in results.iter().zip(&calls) {
        assert!(*is_error, "{name} {input}: {content}");
        assert!(content.contains(says), "{name} {input}: {content}");
    }
}

/// Every tool answers, within its limit, and what was read is logged.
#[tokio::test(flavor = "multi_thread")]
async fn every_tool_answers() {
    let label = "allergy";
    let calls = [
        ("list_iterations", json!({}), "\"accuracy\""),
        ("scoreboard", Value::Null, "\"mean_prompt_bytes\""),
        ("read_harness", json!({ "iteration": 0 }), "struct ZeroShot"),
        ("read_reasoning", json!({ "iteration": 0 }), "Zero-shot"),
        ("read_score", json!({ "iteration": "0" }), "\"interval\""),
        ("read_harness", json!("{\"iteration\": 0.0}"), "struct ZeroShot"),
        ("read_eval_trace", json!({ "iteration": 0, "only_failures": false, "limit": 2 }), "\"returned\":2"),
        ("read_train", json!({ "label": label, "limit": 3 }), "\"total\":22"),
        ("read_sdk", json!({}), "A harness is one Rust file"),
        ("diff_harness", json!({ "a": 0, "b": 0 }), ""),
        ("compare_iterations", json!({ "a": 0, "b": 0 }), "\"fixed\":0"),
        ("add_note", json!({ "text": "Short prompts suffice." }), "\"notes\":1"),
        ("read_notes", json!({}), "\"total\":0"),
        ("check_harness", json!({ "code": BASELINE }), "\"ok\":true"),
        ("check_harness", json!({ "code": "nonsense" }), "did-not-compile"),
    ];
    let blocks = all_at_once(&calls);
    let folder = tempfile::tempdir().expect("a folder");
    let summary = search(
        folder.path(),
        Box::new(move |turn| match turn {
            0 => Ok(blocks.clone()),
            1 => Ok(call("write_harness", json!({ "code": BASELINE, "reasoning": "# The same again" }))),
            _ => Ok(call("write_harness", json!({ "code": another(), "reasoning": "# Another one" }))),
        }),
    )
    .await;
    for ((content, is_error), (name, _, says)) in results(folder.path()).iter().zip(&calls) {
        assert!(!is_error && content.contains(says), "{name}: {content}");
        assert!(content.len() <= 64 << 10, "{name}: {} bytes", content.len());
    }
    let [baseline, again] = summary.iterations.as_slice() else { panic!("two iterations: {summary:?}") };
    let twin = &results(folder.path())[calls.len()];
    assert!(twin.1 && twin.0.contains("the same component as iteration 000"), "{twin:?}");
    assert_eq!(again.reasoning, "# Another one");
    assert_ne!(again.component_digest, baseline.component_digest, "the same one is refused");
    assert_eq!(again.score.accuracy, baseline.score.accuracy);
    assert_eq!(summary.best_iteration_index, Some(0), "as good as the best is not better");
    let paths: Vec<&str> = again.filesystem_reads.iter().map(|read| read.path.as_str()).collect();
    for path in [
        "summary.json",
        "iterations/000/harness.rs",
        "iterations/000/eval_trace.jsonl",
        "dataset/train",
        "sdk",
    ] {
        assert!(paths.contains(&path), "{path} is logged: {paths:?}");
    }
}

/// A trial runs the candidate on the examples that were asked for, and submits nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_no_submission() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let id = dataset::sample(&dataset.val, 5, 0)[2].id.clone();
    let folder = tempfile::tempdir().expect("a folder");
    let wanted = id.clone();
    let summary = search(
        folder.path(),
        Box::new(move |turn| match turn {
            0 => Ok(call("try_harness", json!({ "code": BASELINE, "example_ids": [wanted] }))),
            _ => Ok(text("that is all")),
        }),
    )
    .await;
    let results = results(folder.path());
    let found: Value = serde_json::from_str(&results[0].0).expect("JSON");
    assert_eq!((&found["ok"], &found["examples"][0]["example_id"]), (&json!(true), &json!(id)));
    assert_eq!(summary.unscored[0].status, "gave-up");
    assert!(summary.unscored[0].cost.target_input_tokens > 0, "a trial's calls are counted");
}

/// A reply that ended in the middle: its last call is not made, whatever its arguments look like.
#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_was_cut_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |code: &str| call("write_harness", json!({ "code": code, "reasoning": "# Mine" }));
    let cut = format!("// cut\n{BASELINE}");
    let proposer = Arc::new(Replying {
        context_tokens: u64::MAX,
        asked: Mutex::default(),
        turn: Box::new(move |turn| match turn {
            0 => said(text("Long thoughts"), StopReason::MaxTokens),
            1 => {
                let both = [call("scoreboard", json!({})), write(&cut)].concat();
                said(both, StopReason::MaxTokens)
            }
            _ => said(write(&another()), StopReason::ToolUse),
        }),
    });
    let summary = search_with(folder.path(), proposer.clone()).await;
    assert_eq!(summary.iterations[1].harness_code, another(), "not the one that was cut");
    let asked = proposer.asked.lock().expect("no panic");
    let last = |at: usize| asked[at].messages.last().expect("a message").plain_text();
    assert!(last(1).contains("Your reply was cut off at its limit of tokens before"), "{}", last(1));
    assert!(asked[1].must_call_tool && !asked[2].must_call_tool);
    let results = results(folder.path());
    assert!(!results[0].1, "the call before it was made: {results:?}");
    assert!(
        results[1].1 && results[1].0.contains("in the middle of this call, so it was not made"),
        "{results:?}"
    );
}

/// A reply without any content is not replayed: the reminder joins the turn before.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_said_is_not_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let proposer = Arc::new(Replying {
        context_tokens: u64::MAX,
        asked: Mutex::default(),
        turn: Box::new(|_| said(Vec::new(), StopReason::EndTurn)),
    });
    let summary = search_with(folder.path(), proposer.clone()).await;
    assert_eq!(summary.unscored[0].status, "gave-up");
    let asked = proposer.asked.lock().expect("no panic");
    assert_eq!(asked.len(), 3);
    for request in asked.iter() {
        assert_eq!(wellformed(&request.messages).len(), 1, "one turn of the user");
    }
    let sent = wellformed(&asked[2].messages);
    assert_eq!(sent[0].content.len(), 3, "the opening and two reminders");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_the_iteration() {
    let folder = tempfile::tempdir().expect("a folder");
    let proposer = Arc::new(Replying {
        context_tokens: u64::MAX,
        asked: Mutex::default(),
        turn: Box::new(|_| said(text("I would rather not."), StopReason::Refusal)),
    });
    let summary = search_with(folder.path(), proposer).await;
    let found = &summary.unscored[0];
    assert_eq!((found.status.as_str(), found.reason.as_str()), ("proposer-refused", "I would rather not."));
    assert!(summary.finished_at.is_some());
}

/// A small window: old results make room for new ones, what stays is a conversation that a provider takes.
#[tokio::test(flavor = "multi_thread")]
async fn old_results_make_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let proposer = Arc::new(Replying {
        context_tokens: 25_400,
        asked: Mutex::default(),
        turn: Box::new(|turn| {
            let block = Block::ToolUse { id: format!("t{turn}"), name: "read_sdk".into(), input: json!({}) };
            let raw = Some(format!("[{turn}]"));
            ChatReply { raw, ..said(vec![block], StopReason::ToolUse) }
        }),
    });
    search_with(folder.path(), proposer.clone()).await;
    let path = folder.path().join("test/iterations/001/proposer.jsonl");
    let transcript = std::fs::read_to_string(path).expect("a transcript");
    assert!(transcript.contains("\"type\":\"trimmed\""), "{}", transcript.len());
    let asked = proposer.asked.lock().expect("no panic");
    let last = asked.last().expect("it was asked");
    assert_eq!(last.messages.len(), 1 + 2 * (asked.len() - 1), "no turn is missing");
    let results: Vec<&str> = last
        .messages
        .iter()
        .flat_map(|message| &message.content)
        .filter_map(|block| match block {
            Block::ToolResult { content, .. } => Some(content.as_str()),
            _ => None,
        })
        .collect();
    assert!(results[0].contains("taken out of the conversation"), "{}", results[0]);
    assert!(results.last().is_some_and(|result| result.contains("A harness is one Rust file")));
    let replayed = last.messages.iter().filter_map(|message| message.raw.as_deref());
    assert_eq!(
        replayed.collect::<Vec<_>>(),
        ["[0]", "[1]", "[2]", "[3]", "[4]"],
        "what the model said stays"
    );
}

/// Many calls in one turn: so many are made, all others are told why not, and the search goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_has_a_bound_on_its_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = search(
        folder.path(),
        Box::new(|turn| match turn {
            0 => Ok(all_at_once(&vec![("list_iterations", json!({}), ""); 100])),
            _ => Ok(call("write_harness", json!({ "code": another(), "reasoning": "# Mine" }))),
        }),
    )
    .await;
    let results = results(folder.path());
    let made = results.iter().filter(|(_, is_error)| !is_error).count();
    // And the submission in the turn after.
    assert_eq!((results.len(), made), (101, 32 + 1));
    let told = |at: usize| results[at].0.contains("one turn may have 32 tool calls (--turn-tool-calls)");
    assert!(!told(31) && told(32) && told(99), "{:?}", &results[31..33]);
    assert_eq!(summary.iterations.len(), 2, "and it was scored");
}

/// The tools of a turn have a time together: a trial that goes beyond it is ended, and what follows is not
/// made.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_has_a_bound_on_its_time() {
    let slow = format!("// Slow.\n{}", guest("run/timeout.rs"));
    let id = dataset::sample(&dataset::load(BUILTIN, 0).expect("it loads").val, 5, 0)[2].id.clone();
    let calls = move || {
        all_at_once(&[
            ("try_harness", json!({ "code": slow, "example_ids": [id] }), ""),
            ("list_iterations", json!({}), ""),
        ])
    };
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { turn_tools_ms: 1, ..limits() };
    search_limited(
        folder.path(),
        limits,
        Box::new(move |turn| Ok(if turn == 0 { calls() } else { text("done") })),
    )
    .await;
    let results = results(folder.path());
    let says = "the tools of one turn may take 0 s together (--turn-tools-timeout-s)";
    assert!(results.iter().all(|(said, is_error)| *is_error && said.contains(says)), "{results:?}");
}

/// All tool results in the transcript of iteration 1.
fn results(folder: &Path) -> Vec<(String, bool)> {
    let path = folder.join("test/iterations/001/proposer.jsonl");
    let text = std::fs::read_to_string(path).expect("a transcript");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let contents = rows
        .filter(|row| row["type"] == "answer")
        .flat_map(|row| row["content"].as_array().cloned().unwrap_or_default());
    contents
        .filter(|block| block["type"] == "tool_result")
        .map(|block| (block["content"].as_str().unwrap_or_default().to_owned(), block["is_error"] == true))
        .collect()
}
