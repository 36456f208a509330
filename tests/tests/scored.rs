//! Tasks with a metric of their own: a program grades the answers of a search. What it says and takes is recorded, derived
//! again, and apart from what the harnesses take; a program that fails costs an answer its score, and the run nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use mmh_record::format::{CallRow, Score, TraceRow};
use mmh_tests::{
    cache_dir, copy_folder, environment, files_below, guest,
    runs::{copy_of, cut_off, reseal},
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

/// The share of the right answer's words that the answer has, and how long it is beside it.
const RATIO: &str = r#"use mmh_sdk::prelude::*;

struct Ratio;

impl Scorer for Ratio {
    fn score(_: &Task, _: &Input, gold: &str, answer: &Answer, _: &Model) -> Result<Grade> {
        let words: Vec<&str> = gold.split_whitespace().collect();
        let found = words.iter().filter(|word| answer.text.contains(**word)).count();
        let length = answer.text.len().min(gold.len()) as f64 / answer.text.len().max(gold.len()).max(1) as f64;
        info!("{found} of {} words", words.len());
        let score = found as f64 / words.len().max(1) as f64;
        Ok(Grade::partial(score).part("length", length).part("words", score))
    }
}

mmh_sdk::export_scorer!(Ratio);
"#;

/// Asks the model what an answer is worth, and takes the length of what it says for it.
const JUDGE: &str = r#"use mmh_sdk::prelude::*;

struct Judge;

impl Scorer for Judge {
    fn score(_: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let question = format!("{input}\nIs {answer} as good as {gold}? Say how good, and why.");
        let reply = model.ask(question)?;
        let score = (reply.len() % 11) as f64 / 10.0;
        Ok(Grade { correct: score > 0.5, ..Grade::partial(score) })
    }
}

mmh_sdk::export_scorer!(Judge);
"#;

/// A harness that asks nobody.
const SILENT: &str = r#"use mmh_sdk::prelude::*;

struct Silent;

impl Harness for Silent {
    type State = ();

    fn predict(_: &Task, _: &(), input: &Input, _: &Model) -> Result<Answer> {
        Ok(Answer::new(input.text.clone()))
    }
}

mmh_sdk::export!(Silent);
"#;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command
}

fn mmh(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(folder, args).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

fn done(folder: &Path, args: &[&str]) -> String {
    let (code, out, err) = mmh(folder, args);
    assert_eq!(code, Some(0), "mmh {}: {out}{err}", args.join(" "));
    out
}

fn json_of(file: &Path) -> Value {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn lines<T: serde::de::DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// An open task in `task`, graded by this program.
fn task(folder: &Path, scorer: &str) {
    let sick = ["a rash", "a cough", "a fever", "a headache", "sneezing", "a sore throat"];
    let row = |n: usize| {
        let (one, other) = (sick[n % 6], sick[(n / 6 + n + 1) % 6]);
        json!({ "text": format!("Case {n}: I have {one} and {other}."), "answer": format!("{one} with {other}") })
            .to_string()
            + "\n"
    };
    let task = folder.join("task");
    fs::create_dir_all(&task).expect("a folder");
    for (name, range) in [("train", 0..24), ("val", 24..40), ("test", 40..46)] {
        fs::write(task.join(format!("{name}.jsonl")), range.map(row).collect::<String>()).expect("a file");
    }
    fs::write(
        task.join("task.toml"),
        "name = \"cases\"\ninstructions = \"Say what the patient has.\"\ntext = \"text\"\nanswer = \"answer\"\nmetric = { scorer = \"grade.rs\" }\n",
    )
    .expect("a file");
    fs::write(task.join("grade.rs"), scorer).expect("a file");
}

const RUN: [&str; 10] =
    ["run", "--mock", "--dataset", "task", "--iterations", "2", "--eval-size", "12", "--run-id", "a"];

/// A finished run, made once for each scorer.
fn whole(scorer: &'static str) -> &'static Path {
    static RUNS: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    RUNS[usize::from(scorer == JUDGE)].get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder").keep();
        task(&folder, scorer);
        done(&folder, &[&RUN[..], &CLOCK].concat());
        folder
    })
}

/// The same folder, which may be changed.
fn copied(scorer: &'static str) -> (tempfile::TempDir, PathBuf) {
    copy_of(whole(scorer))
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files
        .map(|file| (file.strip_prefix(folder).expect("below").to_owned(), fs::read(&file).expect("read")))
        .collect()
}

fn assert_same(left: &Path, right: &Path, name: &str) {
    let (left, right) = (contents(left), contents(right));
    assert!(left.keys().eq(right.keys()), "{name}: {:?} {:?}", left.keys(), right.keys());
    for (file, bytes) in &left {
        assert!(right[file] == *bytes, "{name}: {}", file.display());
    }
}

#[test]
fn a_scorer_grades_and_what_it_takes_is_on_record_apart() {
    for (name, scorer, calls) in [("ratio", RATIO, 0), ("judge", JUDGE, 1)] {
        let folder = whole(scorer);
        let run = folder.join("runs/a");
        assert_eq!(fs::read_to_string(run.join("scorer.rs")).expect("a source"), scorer, "{name}");
        let metric = &json_of(&run.join("config.json"))["task"]["metric"];
        assert_eq!(metric["kind"], json!("scorer"), "{name}: {metric}");
        let mut scores = Vec::new();
        for place in ["iterations/000", "iterations/001", "iterations/002", "test/000"] {
            let at = run.join(place);
            let rows: Vec<TraceRow> = lines(&at.join("eval_trace.jsonl"));
            let of_harness: Vec<CallRow> = lines(&at.join("model_calls.jsonl"));
            let of_scorer: Vec<CallRow> = lines(&at.join("scorer_calls.jsonl"));
            let answered: Vec<&TraceRow> = rows.iter().filter(|row| row.predicted_label.is_some()).collect();
            assert_eq!(of_scorer.len(), calls * answered.len(), "{name}, {place}");
            assert!(rows.iter().all(|row| row.scorer.is_some() == row.predicted_label.is_some()));
            let of_examples = of_harness.iter().filter(|call| !call.example_id.starts_with("learn"));
            let asked: usize = rows.iter().map(|row| row.model_calls as usize).sum();
            assert_eq!(of_examples.count(), asked, "{name}");
            let score: Score = serde_json::from_value(json_of(&at.join("score.json"))).expect("a score");
            let totals = score.scorer.expect("what grading took");
            assert_eq!((totals.n_answers, totals.n_errors), (answered.len() as u64, 0), "{name}, {place}");
            assert_eq!(totals.model_calls as usize, of_scorer.len(), "{name}, {place}");
            assert!(totals.total_fuel > 0 && totals.max_fuel < totals.total_fuel, "{name}, {place}");
            assert_eq!(score.total_fuel, rows.iter().map(|row| row.fuel).sum::<u64>(), "{name}, {place}");
            assert_eq!(score.mean_parts.len(), if calls == 0 { 2 } else { 0 }, "{name}, {place}");
            scores.extend(rows.iter().map(|row| row.grade().score));
        }
        assert!(scores.iter().any(|score| *score > 0.0 && *score < 1.0), "{name}: {scores:?}");
        // Trials are graded in the same way.
        let trials: Vec<CallRow> = (1..3)
            .map(|at| run.join(format!("iterations/{at:03}/trial_calls.jsonl")))
            .filter(|file| file.exists())
            .flat_map(|file| lines(&file))
            .collect();
        let graded = trials.iter().filter(|call| call.example_id.contains("/scorer/val-")).count();
        assert!(!trials.is_empty() && (graded > 0) == (calls > 0), "{name}: {graded} of {}", trials.len());
    }
}

#[test]
fn a_graded_run_is_proved_replayed_and_shown() {
    for (name, scorer) in [("ratio", RATIO), ("judge", JUDGE)] {
        let folder = whole(scorer);
        for more in [&["--dataset", "task"][..], &["--without-dataset"]] {
            let out = done(folder, &[&["verify", "runs/a"][..], more].concat());
            assert!(out.contains("(the run)        ok          same "), "{name}: {out}");
        }
        let replayed = done(folder, &["replay", "runs/a", "--iteration", "1"]);
        assert!(replayed.contains("12 examples: 12 same"), "{name}: {replayed}");
        let rows: Vec<TraceRow> = lines(&folder.join("runs/a/iterations/001/eval_trace.jsonl"));
        let one = ["replay", "runs/a", "--iteration", "1", "--example", &rows[0].example_id];
        let shown = done(folder, &one);
        assert!(shown.contains("\nscorer      ok\nscore       "), "{name}: {shown}");
        let page = folder.join(format!("{name}.html"));
        done(folder, &["report", "runs/a", "--output", page.to_str().expect("UTF-8")]);
        let exported = folder.join(format!("export-{name}"));
        done(folder, &["export", "runs/a", "--output", exported.to_str().expect("UTF-8")]);
        let readme = fs::read_to_string(exported.join("README.md")).expect("a page");
        assert!(readme.contains("graded by the task's own scorer"), "{name}: {readme}");
        let told = done(folder, &["task", "task"]);
        assert!(
            told.contains("scorer: grade.rs, ") && told.contains("metric: An answer is graded by"),
            "{told}"
        );
        let checked = done(folder, &["check", "task/grade.rs"]);
        assert!(checked.starts_with("ok: a scorer, component of "), "{name}: {checked}");
    }
    // A changed harness gives other answers, which nobody has judged.
    let folder = whole(JUDGE);
    let changed = folder.join("changed.rs");
    fs::write(&changed, SILENT).expect("a file");
    let args = ["replay", "runs/a", "--iteration", "0", "--harness", "changed.rs", "--dataset", "task"];
    let out = done(folder, &args);
    assert!(out.contains("12 unknown") && out.contains("12 prompts not recorded"), "{out}");
}

#[test]
fn two_runs_are_the_same_and_so_is_one_that_goes_on() {
    for (name, scorer) in [("ratio", RATIO), ("judge", JUDGE)] {
        let (run, folder) = (whole(scorer).join("runs/a"), tempfile::tempdir().expect("a folder"));
        task(folder.path(), scorer);
        // Not so many examples at once, and it is stopped and goes on.
        let args = [&RUN[..], &CLOCK].concat();
        let mut child = command(folder.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.as_mut().expect("the program starts");
        wait_for(&folder.path().join("runs/a/iterations/000/eval_trace.jsonl"), 3, child);
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupt.expect("kill starts").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "{name}");
        done(folder.path(), &["verify", "runs/a", "--dataset", "task"]);
        let resume = [&["run", "--resume", "runs/a", "--dataset", "task"][..], &CLOCK].concat();
        done(folder.path(), &resume);
        assert_same(&run, &folder.path().join("runs/a"), name);
        // One that was killed: some calls of the scorer are on record, and no outcome.
        let killed = folder.path().join("runs/a");
        cut_off(&killed, 1, 4);
        done(folder.path(), &["verify", "runs/a", "--dataset", "task"]);
        done(folder.path(), &resume);
        assert_same(&run, &killed, &format!("{name}, killed"));
        let fresh = tempfile::tempdir().expect("a folder");
        task(fresh.path(), scorer);
        done(fresh.path(), &args);
        assert_same(&run, &fresh.path().join("runs/a"), &format!("{name}, a second one"));
    }
}

/// Waits until a file has so many lines.
fn wait_for(file: &Path, lines: usize, child: &mut Child) {
    while fs::read_to_string(file).unwrap_or_default().lines().count() < lines {
        assert!(child.try_wait().expect("its state").is_none(), "it has ended before {}", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Every file that a scorer leaves is derived again: a change is found, also where the manifests are made anew.
#[test]
fn a_change_in_what_a_scorer_left_is_found() {
    // file, what is replaced, by what, what verify says
    let table: [(&str, &str, &str, &str); 6] = [
        ("scorer.rs", "% 11", "% 12", "scorer.rs"),
        ("scorer.wasm", "Say how good", "say how good", "scorer.wasm"),
        ("iterations/001/scorer_calls.jsonl", "Is ", "is ", "iterations/001/scorer_calls.jsonl: val-"),
        (
            "test/000/scorer_calls.jsonl",
            "\"cost_usd\":0.0",
            "\"cost_usd\":0.1",
            "test/000/scorer_calls.jsonl",
        ),
        (
            "iterations/001/eval_trace.jsonl",
            "\"scorer\":{\"error_kind\":\"ok\"",
            "\"scorer\":{\"error_kind\":\"trap\"",
            "error_kind",
        ),
        ("iterations/000/score.json", "\"model_calls\": ", "\"model_calls\": 1", "model_calls"),
    ];
    for (file, from, to, says) in table {
        for is_resealed in [false, true] {
            let (_folder, copy) = copied(JUDGE);
            let path = copy.join("runs/a").join(file);
            let bytes = fs::read(&path).expect("read");
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes());
            let at = at.unwrap_or_else(|| panic!("{file} has no {from:?}"));
            let changed = [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat();
            fs::write(&path, changed).expect("written");
            if is_resealed {
                reseal(&copy.join("runs/a"));
            }
            for more in [&["--dataset", "task"][..], &["--without-dataset"]] {
                let (code, out, err) = mmh(&copy, &[&["verify", "runs/a"][..], more].concat());
                let name = format!("{file}, {more:?}, resealed: {is_resealed}");
                assert_eq!(code, Some(1), "{name}: {out}{err}");
                assert!(out.contains(says), "{name}: {out}");
            }
        }
    }
}

/// With another compiler nobody can build the scorer again, so the recorded component grades in its place.
#[test]
fn other_tools_grade_with_the_recorded_scorer() {
    let (_folder, copy) = copied(JUDGE);
    let run = copy.join("runs/a");
    for file in ["config.json", "summary.json"] {
        let text = fs::read_to_string(run.join(file)).expect("read");
        fs::write(run.join(file), text.replace("rustc 1.", "rustc 0.")).expect("written");
    }
    let out = mmh(&copy, &["verify", "runs/a", "--dataset", "task", "--json"]).1;
    let verdict: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(verdict["checked"][0]["rebuilt"], json!("other-tools"), "{out}");
    assert!(!out.contains("\"file\": \"scorer") && !out.contains("scorer_calls.jsonl"), "{out}");
    let replayed =
        |at: usize| (&verdict["checked"][at]["replayed"]["same"], &verdict["checked"][at]["findings"]);
    for at in 1..4 {
        let (same, findings) = replayed(at);
        assert_eq!(*same, json!(12), "{at}: {findings}");
    }
}

/// What a hostile or broken scorer does: the answers are worth 0, the rows say why, and the run goes on to its end.
#[test]
fn a_scorer_that_fails_stops_no_run() {
    let stuck = guest("score/out_of_fuel.rs");
    // name, scorer, kind of ending, more options
    let table: [(&str, String, &str, &[&str]); 9] = [
        ("a trap", guest("score/trap.rs"), "trap", &[]),
        ("a panic", guest("score/panic.rs"), "panic", &[]),
        ("the end of its process", guest("score/exit.rs"), "exit", &[]),
        ("an endless loop", stuck.clone(), "out-of-fuel", &["--fuel", "500000000"]),
        (
            "a loop until the clock ends it",
            stuck,
            "timeout",
            &["--fuel", "9000000000000000", "--example-timeout-s", "1"],
        ),
        ("too much", guest("score/above_one.rs"), "bad-grade", &[]),
        ("no number", guest("score/no_number.rs"), "bad-grade", &[]),
        ("too many calls", guest("score/call_limit.rs"), "call-limit", &[]),
        ("its own error", guest("score/own_error.rs"), "scorer-error", &[]),
    ];
    for (name, scorer, kind, more) in table {
        let folder = tempfile::tempdir().expect("a folder");
        task(folder.path(), &scorer);
        let args =
            ["run", "--mock", "--dataset", "task", "--iterations", "0", "--eval-size", "3", "--run-id", "a"];
        let (code, out, err) = mmh(folder.path(), &[&args[..], &["--no-test"], more].concat());
        assert_eq!(code, Some(0), "{name}: {out}{err}");
        let says = format!("warning: 000: the scorer failed on 3 of 3 answers, which are worth 0: 3 {kind}");
        assert!(err.contains(&says), "{name}: {err}");
        let shown = done(folder.path(), &["summary", "runs/a"]);
        assert!(shown.contains("the scorer failed on 3 of 3 answers"), "{name}: {shown}");
        let rows: Vec<TraceRow> = lines(&folder.path().join("runs/a/iterations/000/eval_trace.jsonl"));
        for row in rows {
            let trace = row.scorer.as_ref().expect("how it was graded");
            assert_eq!((row.error_kind.name(), row.error.as_deref()), ("ok", None), "{name}: {row:?}");
            assert_eq!(trace.error_kind.name(), kind, "{name}: {trace:?}");
            assert!(
                trace.failure().is_some_and(|failure| failure.len() > kind.len() + 2),
                "{name}: {trace:?}"
            );
            assert_eq!((row.correct, row.grade().score, row.parts.len()), (false, 0.0, 0), "{name}");
        }
        let out = done(folder.path(), &["verify", "runs/a", "--dataset", "task"]);
        assert_eq!(out.contains("outcomes of the wall clock"), kind == "timeout", "{name}: {out}");
    }
}

/// What is no scorer is refused before there is a run.
#[test]
fn what_is_no_scorer_is_refused_at_once() {
    // name, the file, what is said
    let table = [
        ("a harness", guest("run/ok.rs"), "not a scorer"),
        ("what does not compile", "fn main() { let x: u8 = \"\"; }".into(), "mismatched types"),
        ("nothing", String::new(), "the task's scorer \"grade.rs\" is refused, so nothing is evaluated"),
    ];
    for (name, scorer, says) in table {
        let folder = tempfile::tempdir().expect("a folder");
        task(folder.path(), &scorer);
        fs::write(folder.path().join("h.rs"), guest("run/ok.rs")).expect("a file");
        for args in [&RUN[..], &["eval", "h.rs", "--mock", "--dataset", "task"]] {
            let (code, _, err) = mmh(folder.path(), args);
            assert!(code == Some(1) && err.contains(says), "{name}, {args:?}: {code:?} {err}");
            assert!(!folder.path().join("runs").exists(), "{name}");
        }
    }
}

/// A component in place of a source, another scorer in its place, and the scorer of `mmh eval`.
#[test]
fn a_scorer_is_a_part_of_its_task() {
    let (_folder, copy) = copied(RATIO);
    fs::copy(copy.join("runs/a/scorer.wasm"), copy.join("task/grade.wasm")).expect("copied");
    let file = fs::read_to_string(copy.join("task/task.toml")).expect("a file");
    fs::write(copy.join("task/task.toml"), file.replace("grade.rs", "grade.wasm")).expect("a file");
    let args =
        ["run", "--mock", "--dataset", "task", "--iterations", "1", "--eval-size", "6", "--run-id", "b"];
    done(&copy, &args);
    let run = copy.join("runs/b");
    assert!(run.join("scorer.wasm").exists() && !run.join("scorer.rs").exists());
    done(&copy, &["verify", "runs/b", "--dataset", "task"]);
    done(&copy, &["verify", "runs/b", "--without-dataset"]);
    let rows: Vec<TraceRow> = lines(&run.join("iterations/000/eval_trace.jsonl"));
    let ofs: Vec<TraceRow> = lines(&copy.join("runs/a/iterations/000/eval_trace.jsonl"));
    for row in rows {
        let same = ofs.iter().find(|it| it.example_id == row.example_id);
        assert!(same.is_none_or(|same| same.grade() == row.grade()), "{row:?}");
    }
    // With this scorer it is another task than that of the first run.
    for args in [
        &["verify", "runs/a", "--dataset", "task"][..],
        &["run", "--resume", "runs/a", "--iterations", "3", "--dataset", "task"],
    ] {
        let (code, _, err) = mmh(&copy, args);
        assert!(code == Some(2) && err.contains("is not the run's"), "{args:?}: {err}");
    }
    let harness = copy.join("runs/a/iterations/001/harness.rs");
    let eval = ["eval", harness.to_str().expect("UTF-8"), "--mock", "--dataset", "task", "--json"];
    let found: Value = serde_json::from_str(&done(&copy, &eval)).expect("JSON");
    assert_eq!(found["score"]["scorer"]["n_answers"], found["score"]["n_examples"], "{found}");
}

const USAGE: &str = r#""usage":{"input_tokens":300,"output_tokens":4}"#;

/// A judge is paid from the same account as the harness whose answers it judges, each call once, whatever stops the run.
#[tokio::test(flavor = "multi_thread")]
async fn a_judge_is_paid_once() {
    let server = Server::start(|_: &Request| {
        let content = json!([{ "type": "text", "text": "a cough" }]);
        let reply = format!(r#"{{"content":{content},"stop_reason":"end_turn",{USAGE}}}"#);
        Reply::new(200, reply).after(Duration::from_millis(2))
    })
    .await;
    let url = server.url.as_str();
    let servers = [
        ["--target-base-url", url, "--target-api", "anthropic"],
        ["--proposer-base-url", url, "--proposer-api", "anthropic"],
    ]
    .concat();
    let folder = tempfile::tempdir().expect("a folder");
    task(folder.path(), JUDGE);
    let args = [
        "run",
        "--dataset",
        "task",
        "--run-id",
        "a",
        "--iterations",
        "0",
        "--no-cache",
        "--concurrency",
        "2",
        "--target-price",
        "1,5",
        "--proposer-price",
        "1,5",
        "--budget-usd",
        "0.006",
    ];
    // 16 examples and then 6 held-out ones, with 2 calls at 0.00032 for each.
    let (code, _, err) = mmh(folder.path(), &[&args[..], &servers].concat());
    assert_eq!(code, Some(4), "{err}");
    let before = server.journal().len();
    assert!((8..20).contains(&before), "{before} calls");
    done(folder.path(), &["verify", "runs/a", "--dataset", "task"]);
    let raised = ["run", "--resume", "runs/a", "--budget-usd", "1", "--dataset", "task"];
    done(folder.path(), &[&raised[..], &servers].concat());
    assert_eq!(server.journal().len(), 2 * 22, "each call once");
    let cost = json_of(&folder.path().join("runs/a/cost.json"));
    let paid = |calls: u32| json!(f64::from(32 * calls) / 100_000.0);
    assert_eq!(
        (&cost["iterations"][0]["estimated_usd"], &cost["test"]["estimated_usd"], &cost["estimated_usd"]),
        (&paid(32), &paid(12), &paid(44))
    );
    assert_eq!(cost["unknown_usd"], json!(0.0));
    let out = done(folder.path(), &["verify", "runs/a", "--dataset", "task"]);
    assert!(out.contains("replies: 44 of") || out.contains("44 of"), "{out}");
    // A copy of the folder is a stranger's run: the scorer runs all the same, in the same sandbox.
    let other = tempfile::tempdir().expect("a folder");
    copy_folder(&folder.path().join("runs/a"), &other.path().join("b"));
    let replayed = done(other.path(), &["replay", "b", "--iteration", "0"]);
    assert!(replayed.contains("16 examples: 16 same"), "{replayed}");
}
