//! Searches whose proposer is a script and no model: it calls the tools directly. A search that is killed or stopped goes
//! on to the same end, and `verify` makes it again from the recorded tool calls alone.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use mmh_engine::{build::Builder, sandbox::PACKAGE, toolchain::sdk};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::{MeteredModel, budget::Budget},
};
use mmh_record::{
    clock::Clock,
    digest::Digest,
    format::{Config, CostFile, ProposerKind, SCHEMA_VERSION, Summary, WitInfo},
    limits::Limits,
    reader::RunReader,
    writer::{Beginning, RunWriter},
};
use mmh_search::{
    dataset::task::BASELINE,
    dataset::{self, BUILTIN, Dataset},
    evaluate::Target,
    progress::{Event, Observer},
    propose::{Assignment, DirectCall, Move, Proposer, Scripted},
    session::{Session, Start},
};
use mmh_simulated::target::SimulatedTarget;
use mmh_tests::{builder, cache_dir, files_below};
use serde_json::{Value, json};
use tokio::sync::Notify;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The clock of all runs, so that files can be compared byte by byte.
const CLOCK: Clock = Clock::Fixed(Timestamp::UNIX_EPOCH);

/// A source that does not compile.
const BROKEN: &str = "use mmh_sdk::prelude::*;\nfn main() { let x: u32 = \"\"; }\n";

fn harness(version: &str) -> String {
    BASELINE.replace("one label and nothing else", &format!("one label ({version}) and nothing else"))
}

/// What the script does next. The second candidate is submitted at once, the third never compiles.
fn next(assignment: &Assignment<'_>, calls: &[DirectCall]) -> Move {
    let version = format!("of {}", assignment.candidate.index);
    match (assignment.candidate.index, calls.len()) {
        (1, 0) => Move::call("scoreboard", json!({})),
        (1, 1) => Move::call("read_eval_trace", json!({ "iteration": 0, "limit": 2 })),
        (1, 2) => {
            // What is tried follows from the last result.
            let page = calls.last().and_then(|call| call.result.as_ref().ok()).map_or("", String::as_str);
            let page: Value = serde_json::from_str(page).expect("a page of traces");
            let ids: Vec<&Value> =
                page["examples"].as_array().expect("rows").iter().map(|row| &row["example_id"]).collect();
            Move::call("try_harness", json!({ "code": harness(&version), "example_ids": ids }))
        }
        (1, 3) => Move::call("no_such_tool", json!({ "a": 1 })),
        (1 | 3, 4) | (3, 0..=2) => Move::submit(BROKEN, "# Hope"),
        (3, _) => Move::GiveUp { reason: "nothing helps".into() },
        _ => Move::submit(&harness(&version), &format!("# Harness {version}")),
    }
}

/// How a search is interrupted: after so many events.
#[derive(Clone, Copy, Debug)]
enum Interrupt {
    Kill(usize),
    Stop(usize),
    Never,
}

/// Interrupts a search.
struct Interrupter {
    interrupt: Interrupt,
    seen: AtomicUsize,
    killed: Notify,
    cancel: Cancel,
}

impl Observer for Interrupter {
    fn on(&self, _: Event) {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        match self.interrupt {
            Interrupt::Kill(at) if at == seen => self.killed.notify_one(),
            Interrupt::Stop(at) if at == seen => self.cancel.stop(Stop::Asked),
            _ => {}
        }
    }
}

fn config(builder: &Builder, dataset: &Dataset) -> Config {
    let tools = builder.compiler.tools();
    Config {
        schema_version: SCHEMA_VERSION,
        run_id: "a".into(),
        iterations: 3,
        dataset: dataset.task.name.clone(),
        dataset_path: None,
        dataset_columns: Default::default(),
        eval_split_size: 6,
        proposer_model: "script".into(),
        proposer_kind: ProposerKind::Tools,
        target_model: "simulated-target".into(),
        mock: true,
        started_at: CLOCK.now(),
        seed: 0,
        concurrency: 2,
        with_test: false,
        limits: builder.sandbox.limits().clone(),
        prices: BTreeMap::new(),
        budget_usd: None,
        candidate_budget_usd: None,
        providers: BTreeMap::new(),
        task: dataset.info(),
        dataset_digest: dataset.digest,
        harness_language: tools.language,
        toolchain: tools.toolchain.clone(),
        sdk_digest: tools.sdk_source,
        sdk_build_digest: tools.sdk_build,
        wit: WitInfo {
            package: format!("{PACKAGE}@{}", dataset.kind.world().version()),
            digest: Digest::of(sdk::WIT),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        deny_leaks: false,
        confinement: builder.compiler.confinement(),
        patience: 0,
        // As in runs from before there were sizes: 20 each.
        learn_batches: Vec::new(),
        protocol: mmh_record::format::Protocol::default(),
        proposer_command: None,
        target_facts: None,
        given_components: Vec::new(),
        resumes: Vec::new(),
    }
}

/// The run in a folder, new or as it was left.
fn opened(folder: &Path, builder: &Builder, dataset: &Dataset) -> (RunWriter, Summary) {
    let run = folder.join("a");
    if run.exists() {
        let writer = RunWriter::resume(&run).expect("it was left whole");
        let summary = RunReader::new(writer.dir().expect("a folder")).summary().expect("a summary");
        return (writer, summary);
    }
    let config = config(builder, dataset);
    let (summary, cost) = (Summary::new(config.clone()), CostFile { mock: true, ..CostFile::default() });
    let beginning =
        Beginning { config: &config, summary: &summary, cost: &cost, baselines: &[BASELINE.into()] };
    (RunWriter::create(folder, &beginning).expect("a run folder"), summary)
}

/// Begins the search in this folder, or goes on with it. Returns whether it came to its end, and how many events there
/// were. A killed one is dropped with everything that it had under way.
fn search(folder: &Path, proposer: Scripted, interrupt: Interrupt) -> (bool, usize) {
    let cancel = Cancel::default();
    let (seen, killed) = (AtomicUsize::new(0), Notify::new());
    let observer = Arc::new(Interrupter { interrupt, seen, killed, cancel: cancel.clone() });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(async {
        let limits = Limits::default();
        let builder = builder(PROGRAM, limits.clone()).await;
        let dataset = dataset::load(BUILTIN, 0).expect("it loads");
        let val = dataset::sample(&dataset.val, 6, 0);
        let (writer, summary) = opened(folder, &builder, &dataset);
        let session =
            Session { limits: &limits, budget: Arc::new(Budget::unlimited()), clock: CLOCK, cancel };
        let target = MeteredModel::free(Arc::new(SimulatedTarget::new(0)), CLOCK, session.cancel.clone());
        let parts = (Arc::new(Target::new(target, None)), Arc::new(proposer) as Arc<dyn Proposer>);
        let start = Start { summary, writer, baselines: vec![BASELINE.into()], dataset, val };
        let search = session.search(start, builder, parts, 2, observer.clone());
        tokio::select! {
            ended = search.run() => ended.expect("the run goes on").1.is_none(),
            () = observer.killed.notified() => false,
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(30));
    (ended, observer.seen.load(Ordering::Relaxed))
}

fn contents(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: &Path| path.strip_prefix(run).expect("below").display().to_string();
    files_below(run).iter().map(|path| (named(path), fs::read(path).expect("a file"))).collect()
}

fn verify(run: &Path) -> String {
    let mut command = Command::new(PROGRAM);
    let output =
        command.arg("verify").arg(run).env("MMH_CACHE_DIR", cache_dir()).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn transcript(run: &Path, index: u32) -> Vec<Value> {
    let text = fs::read_to_string(run.join(format!("iterations/{index:03}/proposer.jsonl"))).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// A whole search, interrupted at many moments in both ways: its files are those of a search that nobody interrupted, and
/// they verify at each moment.
#[test]
fn a_search_of_a_script_goes_on_and_verifies() {
    let whole = tempfile::tempdir().expect("a folder");
    let (ended, events) = search(whole.path(), Scripted::new("script", next), Interrupt::Never);
    assert!(ended && events > 30, "{events} events");
    let run = whole.path().join("a");
    let expected = contents(&run);
    let summary = RunReader::open(&run).and_then(|reader| reader.summary()).expect("a summary");
    assert_eq!(summary.iterations.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((summary.unscored[0].index, summary.unscored[0].status.as_str()), (3, "did-not-compile"));
    assert!(summary.unscored[0].reason.starts_with("nothing helps; its last submission: error[E0308]"));
    assert_eq!(summary.iterations[1].filesystem_reads.len(), 3, "scoreboard, trace, trial");
    let rows = transcript(&run, 1);
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["type"].as_str()).collect();
    assert_eq!(kinds, [&["start"][..], &["tool_call"; 6], &["end"]].concat());
    assert_eq!((&rows[4]["tool"], &rows[4]["is_error"]), (&json!("no_such_tool"), &json!(true)));
    let said = verify(&run);
    assert!(said.contains("all of it holds") && said.contains("the proposer's 10 tool calls"), "{said}");

    for every in [3, 7, 11] {
        for kind in [Interrupt::Kill, Interrupt::Stop] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut times = 0;
            while !search(folder.path(), Scripted::new("script", next), kind(every + times)).0 {
                times += 1;
                assert!(times < 100, "it comes to an end");
                if times % 4 == 1 {
                    let said = verify(&folder.path().join("a"));
                    assert!(said.contains("all of it holds"), "after {times} of {:?}: {said}", kind(every));
                }
            }
            let found = contents(&folder.path().join("a"));
            let differ: Vec<&String> = expected
                .keys()
                .chain(found.keys())
                .filter(|name| expected.get(*name) != found.get(*name))
                .collect();
            assert!(differ.is_empty(), "{:?} {times} times: {differ:?}", kind(every));
        }
    }
}

/// Calls of all tools that measure, compare and take notes. The second candidate reads what the first one left.
fn measuring(assignment: &Assignment<'_>, calls: &[DirectCall]) -> Move {
    let version = format!("of {}", assignment.candidate.index);
    let code = harness(&version);
    let cross =
        |verbose: bool| json!({ "code": code, "split": "train", "folds": 2, "rows": 12, "verbose": verbose });
    match (assignment.candidate.index, calls.len()) {
        (1, 0) => Move::call("try_harness", cross(false)),
        (1, 1) => Move::call("try_harness", cross(true)),
        (1, 2) => {
            Move::call("read_eval_trace", json!({ "iteration": 0, "limit": 2, "only_failures": false }))
        }
        (1, 3) => {
            let page = calls.last().and_then(|call| call.result.as_ref().ok()).map_or("", String::as_str);
            let page: Value = serde_json::from_str(page).expect("a page of traces");
            let ids: Vec<&Value> =
                page["examples"].as_array().expect("rows").iter().map(|row| &row["example_id"]).collect();
            Move::call("try_harness", json!({ "code": code, "example_ids": ids, "verbose": true }))
        }
        (1, 4) => Move::call("add_note", json!({ "text": "The target reads the last line." })),
        (1, 5) => Move::call("add_note", json!({ "text": " " })),
        (1, 6) => Move::call("check_harness", json!({ "code": code })),
        (2, 0) => Move::call("read_notes", json!({})),
        (2, 1) => Move::call("compare_iterations", json!({ "a": 0, "b": 1 })),
        (2, 2) => Move::call("read_score", json!({ "iteration": 1 })),
        (3, _) => Move::GiveUp { reason: "that is enough".into() },
        _ => Move::submit(&code, &format!("# Harness {version}")),
    }
}

/// Cross-validation, verbose trials, notes, comparisons: the files are the same in each run and after interruptions, they verify, and
/// what is changed in them is found.
#[test]
fn what_a_proposer_measures_goes_on_and_verifies() {
    let whole = tempfile::tempdir().expect("a folder");
    assert!(search(whole.path(), Scripted::new("script", measuring), Interrupt::Never).0);
    let run = whole.path().join("a");
    let said = verify(&run);
    assert!(said.contains("all of it holds"), "{said}");
    let expected = contents(&run);
    let result = |index: u32, at: usize| -> Value {
        let rows = transcript(&run, index);
        let rows: Vec<&Value> = rows.iter().filter(|row| row["type"] == "tool_call").collect();
        let text = rows[at]["result"].as_str().expect("a text");
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    };

    let cross = result(1, 0);
    assert_eq!((&cross["ok"], &cross["split"], &cross["rows"]), (&json!(true), &json!("train"), &json!(12)));
    assert_eq!(cross["n_correct_by_fold"].as_array().map(Vec::len), Some(2), "{cross}");
    assert_eq!(cross["took"]["model_calls_of_examples"], 12, "{cross}");
    let wrong = cross["wrong"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(cross["n_correct"].as_u64(), Some(12 - wrong), "{cross}");
    let verbose = result(1, 1);
    assert_eq!(verbose["n_correct"], cross["n_correct"], "it is the same trial");
    for (name, found) in [("train", &verbose), ("val", &result(1, 3))] {
        let call = &found["examples"][0]["calls"][0];
        assert!(call["prompt"].as_str().is_some_and(|it| it.contains("of 1")), "{name}: {found}");
        assert_eq!(call["stop_reason"], "end_turn", "{name}: {found}");
        assert!(call["input_tokens"].as_u64() > Some(0), "{name}: {found}");
        assert!(found["examples"][0]["fuel"].as_u64() > Some(0), "{name}: {found}");
        assert!(found["learn"][0]["state_bytes"].is_u64(), "{name}: {found}");
    }
    assert_eq!(result(1, 3)["val_trials"], json!({ "made": 1, "limit": 20 }));
    assert_eq!(result(1, 5), "the note is empty");
    assert_eq!(
        result(2, 0)["notes"][0],
        json!({ "iteration": 1, "text": "The target reads the last line." })
    );
    let compared = result(2, 1);
    assert_eq!((&compared["a"], &compared["b"], &compared["n"]), (&json!(0), &json!(1), &json!(6)));
    assert!(compared["p"].is_number() && compared["by_label"].is_array(), "{compared}");
    assert!(result(2, 2)["by_label"]["labels"][0]["taken_for"].is_object(), "{}", result(2, 2));
    let opening = transcript(&run, 2)[0]["request"]["messages"][0].to_string();
    for says in [
        "Scoreboard, the best",
        "Reasoning of the best",
        "The target model is simulated-target",
        "reads the last line",
    ] {
        assert!(opening.contains(says), "{says}: {opening}");
    }

    for interrupt in [Interrupt::Kill as fn(usize) -> Interrupt, Interrupt::Stop] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut times = 0;
        while !search(folder.path(), Scripted::new("script", measuring), interrupt(5 + times)).0 {
            times += 1;
            assert!(times < 100, "it comes to an end");
        }
        let found = contents(&folder.path().join("a"));
        let names: Vec<&String> = expected.keys().chain(found.keys()).collect();
        let differ: Vec<_> =
            names.into_iter().filter(|name| expected.get(*name) != found.get(*name)).collect();
        assert!(differ.is_empty(), "{:?} {times} times: {differ:?}", interrupt(5));
    }

    // file, what is replaced, by what
    let table = [
        ("notes.jsonl", "last line", "lost line"),
        ("trial_calls.jsonl", "\"example_id\":\"trial-01-0/fold-1/", "\"example_id\":\"trial-01-0/fold-9/"),
        ("proposer.jsonl", "\\\"n_correct_by_fold\\\":[", "\\\"n_correct_by_fold\\\":[9,"),
    ];
    for (name, from, to) in table {
        let file = run.join("iterations/001").join(name);
        let honest = fs::read_to_string(&file).expect("read");
        let forged = honest.replacen(from, to, 1);
        assert_ne!(forged, honest, "{name}");
        fs::write(&file, forged).expect("written");
        mmh_tests::runs::reseal(&run);
        let said = verify(&run);
        assert!(said.contains("it does not hold"), "{name}: {said}");
        fs::write(&file, honest).expect("written");
    }
}

/// Only so many trials on validation examples are made; those on train examples are not counted.
#[test]
fn trials_on_validation_are_limited() {
    let whole = tempfile::tempdir().expect("a folder");
    let proposer = Scripted::new("script", |assignment: &Assignment<'_>, calls: &[DirectCall]| {
        let code = harness("limited");
        match (assignment.candidate.index, calls.len()) {
            (1, 0) => {
                Move::call("read_eval_trace", json!({ "iteration": 0, "limit": 1, "only_failures": false }))
            }
            (1, 1..=22) => {
                let page = calls[0].result.as_ref().map_or("", String::as_str);
                let page: Value = serde_json::from_str(page).expect("a page of traces");
                Move::call(
                    "try_harness",
                    json!({ "code": code, "example_ids": [page["examples"][0]["example_id"]] }),
                )
            }
            (1, 23) => {
                Move::call("try_harness", json!({ "code": code, "split": "train", "folds": 2, "rows": 4 }))
            }
            _ => Move::GiveUp { reason: "that is enough".into() },
        }
    });
    assert!(search(whole.path(), proposer, Interrupt::Never).0);
    let run = whole.path().join("a");
    let rows = transcript(&run, 1);
    let calls: Vec<&Value> = rows.iter().filter(|row| row["tool"] == "try_harness").collect();
    let refused: Vec<usize> = (0..calls.len()).filter(|at| calls[*at]["is_error"] == true).collect();
    assert_eq!((calls.len(), refused), (23, vec![20, 21]));
    let why = calls[20]["result"].as_str().expect("a text");
    assert!(
        why.starts_with("20 trials on validation examples were made, which is the limit (--val-trials)"),
        "{why}"
    );
    assert!(verify(&run).contains("all of it holds"));
}

/// Whatever is changed in the recorded tool calls is found.
#[test]
fn a_forged_tool_call_is_found() {
    let whole = tempfile::tempdir().expect("a folder");
    let moves = vec![Move::call("scoreboard", json!({})), Move::submit(&harness("plain"), "# Plain")];
    assert!(search(whole.path(), Scripted::of_moves("script", moves), Interrupt::Never).0);
    let run = whole.path().join("a");
    assert!(verify(&run).contains("all of it holds"));
    let file = run.join("iterations/001/proposer.jsonl");
    let honest = fs::read_to_string(&file).expect("read");
    // name, what is replaced, by what
    let table = [
        ("a result", "\\\"accuracy\\\":", "\\\"exactness\\\":"),
        ("that a call failed", "\"is_error\":false", "\"is_error\":true"),
        ("a tool", "\"tool\":\"scoreboard\"", "\"tool\":\"list_iterations\""),
        ("the submitted source", "(plain)", "(other)"),
        ("the end", "\"submitted\"", "\"gave-up: no\""),
    ];
    for (name, from, to) in table {
        let forged = honest.replacen(from, to, 1);
        assert_ne!(forged, honest, "{name}");
        fs::write(&file, forged).expect("written");
        mmh_tests::runs::reseal(&run);
        let said = verify(&run);
        assert!(said.contains("it does not hold"), "{name}: {said}");
    }
}
