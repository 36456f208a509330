//! Several baselines, and several candidates at the same time: nothing depends on which is done first, none sees another
//! one, all of it is verified, and a harness that is there already costs nothing.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use mmh_tests::{
    cache_dir, environment, files_below,
    runs::asking,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned()).concat()
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

fn holds(folder: &Path, run: &str) {
    let output = mmh(folder, &["verify", run]);
    assert!(output.status.success() && said(&output).contains("all of it holds"), "{}", said(&output));
}

/// Two more harnesses to start from.
fn baselines(folder: &Path) {
    fs::write(folder.join("first.rs"), asking("first")).expect("a file");
    fs::write(folder.join("second.rs"), asking("second")).expect("a file");
}

#[test]
fn nothing_depends_on_which_is_done_first() {
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let made = |runs: &str, candidates: &str| {
        let mut args = vec!["run", "--mock", "--run-id", "a", "--runs-dir", runs, "--iterations", "2"];
        args.extend(["--candidates", candidates, "--eval-size", "12", "--baseline", "first.rs"]);
        args.extend(["--baseline", "second.rs"]);
        let output = mmh(folder.path(), &[&args[..], &CLOCK].concat());
        assert!(output.status.success(), "{}", said(&output));
    };
    made("one", "3");
    made("other", "3");
    let names = |runs: &str| -> Vec<_> {
        let root = folder.path().join(runs);
        files_below(&root).iter().map(|it| it.strip_prefix(&root).expect("below").to_owned()).collect()
    };
    assert_eq!(names("one"), names("other"));
    for name in names("one") {
        let read = |runs: &str| fs::read(folder.path().join(runs).join(&name)).expect("a file");
        assert!(read("one") == read("other"), "{}", name.display());
    }
    let run = folder.path().join("one/a");
    let summary = json_of(&run.join("summary.json"));
    let indices: Vec<u64> = ["iterations", "unscored"]
        .iter()
        .flat_map(|list| summary[*list].as_array().expect("a list"))
        .filter_map(|it| it["index"].as_u64())
        .collect();
    assert_eq!(indices.len(), 8, "two baselines and six candidates: {indices:?}");
    // What a proposer was told of the run is what there was before its generation.
    for index in 2..8 {
        let first = if index < 5 { 2 } else { 5 };
        let transcript = fs::read_to_string(run.join(format!("iterations/{index:03}/proposer.jsonl")));
        for row in transcript.expect("a transcript").lines() {
            let row: Value = serde_json::from_str(row).expect("a row");
            for block in row["content"].as_array().into_iter().flatten() {
                let result: Value =
                    serde_json::from_str(block["content"].as_str().unwrap_or_default()).unwrap_or_default();
                for it in result["iterations"].as_array().into_iter().flatten() {
                    assert!(it["iteration"].as_u64() < Some(first), "{index} was told of {it}");
                }
            }
        }
    }
    holds(folder.path(), "one/a");
    let mut flipped = fs::read(run.join("iterations/004/model_calls.jsonl")).expect("a file");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(run.join("iterations/004/model_calls.jsonl"), flipped).expect("written");
    assert_eq!(mmh(folder.path(), &["verify", "one/a"]).status.code(), Some(1));
}

/// The proposer's turn: it reads, then submits what it was told to in this iteration.
fn turn(body: &Value, code: impl Fn(u64, usize) -> String) -> Value {
    let messages = body["messages"].as_array().expect("messages");
    let opening = messages[0]["content"].to_string();
    let number = opening.split("iteration ").nth(1).and_then(|rest| rest.split('.').next());
    let iteration = number.and_then(|number| number.parse().ok()).expect("the iteration's number");
    let turn = messages.iter().filter(|message| message["role"] == "assistant").count();
    let call = |name: &str, input: Value| json!([{ "type": "tool_use", "id": format!("t{turn}"), "name": name, "input": input }]);
    match turn {
        // It asks for another one of its own generation, and for one of its future.
        0 => call("read_harness", json!({ "iteration": iteration + 1 })),
        1 => call("read_harness", json!({ "iteration": iteration - 1 })),
        _ => call("write_harness", json!({ "code": code(iteration, turn), "reasoning": "# One" })),
    }
}

async fn server(code: fn(u64, usize) -> String) -> Server {
    billing(code, |_| 300).await
}

/// A server that bills so many input tokens for a request with this body.
async fn billing(code: fn(u64, usize) -> String, tokens: fn(&str) -> u64) -> Server {
    Server::start(move |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let content = match body["tools"].as_array() {
            Some(_) => turn(&body, code),
            None => json!([{ "type": "text", "text": "migraine" }]),
        };
        let usage = json!({ "input_tokens": tokens(&request.body), "output_tokens": 4 });
        let reply = json!({ "content": content, "stop_reason": "end_turn", "usage": usage });
        Reply::new(200, reply.to_string()).after(Duration::from_millis(2))
    })
    .await
}

fn paid<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["run", "--run-id", "a", "--eval-size", "6", "--no-test", "--no-cache"];
    args.extend(["--baseline", "first.rs", "--target-price", "1,5", "--proposer-price", "1,5"]);
    args.extend(["--budget-usd", "5"]);
    args.extend(["--target-model", "target", "--target-base-url", url, "--target-api", "anthropic"]);
    args.extend(["--proposer-model", "proposer", "--proposer-base-url", url, "--proposer-api", "anthropic"]);
    args.extend(more);
    args
}

/// Candidates of one generation neither see each other nor count twice; those of earlier ones are refused at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_harness_that_is_there_already_costs_nothing() {
    // 1 and 2 are proposed at the same time, 2 with the harness of 1. Then 3 submits that of 1 first, and 4 the baseline's.
    let code = |iteration: u64, turn: usize| match (iteration, turn) {
        (3, 2) => asking("one"),
        (4, 2) => asking("first") + "\n// Another source, the same component.\n",
        (1 | 2, _) => asking("one"),
        (iteration, _) => asking(&format!("new {iteration}")),
    };
    let server = server(code).await;
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let output = mmh(folder.path(), &paid(&server.url, &["--iterations", "2", "--candidates", "2"]));
    assert!(output.status.success(), "{}", said(&output));
    let run = folder.path().join("runs/a");
    let summary = json_of(&run.join("summary.json"));
    let scored: Vec<u64> = summary["iterations"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["index"].as_u64())
        .collect();
    assert_eq!(scored, [0, 1, 3, 4]);
    let unscored = summary["unscored"].as_array().expect("a list");
    assert_eq!((unscored.len(), &unscored[0]["status"]), (1, &json!("duplicate")), "{unscored:?}");
    assert!(unscored[0]["reason"].as_str().is_some_and(|why| why.contains("iteration 001")), "{unscored:?}");
    assert!(!run.join("iterations/002/model_calls.jsonl").exists(), "nothing was asked for the same again");
    for (index, twin) in [(3, "001"), (4, "000")] {
        let transcript = fs::read_to_string(run.join(format!("iterations/{index:03}/proposer.jsonl")));
        let transcript = transcript.expect("a transcript");
        assert!(transcript.contains(&format!("the same component as iteration {twin}")), "{transcript}");
    }
    // An earlier generation is read, the candidate's own is not.
    for (index, other, is_seen) in [(1, 0, true), (1, 2, false), (2, 1, false), (3, 2, true), (3, 4, false)] {
        let reads = fs::read_to_string(run.join(format!("iterations/{index:03}/filesystem_reads.jsonl")));
        let path = format!("iterations/{other:03}/harness.rs");
        assert_eq!(reads.expect("a file").contains(&path), is_seen, "{index} reads {other}");
    }
    holds(folder.path(), "runs/a");
}

/// The money is spent in the middle of a generation; with more of it the run ends as if there had been enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_generation_that_was_stopped_goes_on() {
    let server = server(|iteration, _| asking(&format!("new {iteration}"))).await;
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let more = ["--iterations", "1", "--candidates", "3", "--concurrency", "2"];
    let whole =
        mmh(folder.path(), &[&paid(&server.url, &more)[..], &["--runs-dir", "whole"], &CLOCK].concat());
    assert!(whole.status.success(), "{}", said(&whole));
    for budget in ["0.006", "0.012", "0.02"] {
        let runs = format!("runs-{budget}");
        let mut args = paid(&server.url, &more);
        let place = args.iter().position(|arg| *arg == "--budget-usd").expect("it is there") + 1;
        args[place] = budget;
        let stopped = mmh(folder.path(), &[&args[..], &["--runs-dir", &runs], &CLOCK].concat());
        assert_eq!(stopped.status.code(), Some(4), "{budget}: {}", said(&stopped));
        let run = format!("{runs}/a");
        holds(folder.path(), &run);
        let mut resume = vec!["run", "--resume", &run, "--budget-usd", "5"];
        resume.extend(["--target-base-url", &server.url, "--target-api", "anthropic"]);
        resume.extend(["--proposer-base-url", &server.url, "--proposer-api", "anthropic"]);
        let output = mmh(folder.path(), &[&resume[..], &CLOCK].concat());
        assert!(output.status.success(), "{budget}: {}", said(&output));
        holds(folder.path(), &run);
        for file in ["eval_trace.jsonl", "model_calls.jsonl", "score.json", "harness.wasm"] {
            for index in 0..4 {
                let read = |runs: &str| {
                    fs::read(folder.path().join(format!("{runs}/a/iterations/{index:03}/{file}")))
                        .expect("a file")
                };
                assert!(read("whole") == read(&runs), "{budget}: {file} of {index}");
            }
        }
        let cost = |runs: &str| json_of(&folder.path().join(format!("{runs}/a/cost.json")));
        let (whole, found) = (cost("whole"), cost(&runs));
        assert_eq!(whole["estimated_usd"], found["estimated_usd"], "{budget}");
        assert_eq!(found["unknown_usd"].as_f64(), Some(0.0), "{budget}: nothing is owed");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let table: [(&str, &[&str], &str); 4] = [
        ("no candidates", &["--candidates", "0"], "0 is not in 1..=10000"),
        ("too many", &["--candidates", "10001"], "10001 is not in 1..=10000"),
        (
            "the same baseline twice",
            &["--baseline", "first.rs", "--baseline", "first.rs"],
            "the baselines 000 and 001 compile to the same component",
        ),
        ("no file", &["--baseline", "first.rs", "--baseline", "third.rs"], "third.rs"),
    ];
    for (name, args, expected) in table {
        let output = mmh(folder.path(), &[&["run", "--mock", "--run-id", "a"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
        assert!(said(&output).contains(expected), "{name}: {}", said(&output));
        assert!(!folder.path().join("runs/a").exists(), "{name}");
    }
}

/// Two candidates of three spend their share, one while it is proposed and one while it is evaluated. They alone end.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_the_budget_ends_its_candidate_alone() {
    let code = |iteration: u64, _| asking(&format!("new {iteration}"));
    let server = billing(code, |body| match body {
        _ if body.contains("iteration 2. ") => 250_000,
        _ if body.contains("new 3") => 100_000,
        _ => 300,
    });
    let server = server.await;
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let more =
        ["--iterations", "2", "--candidates", "3", "--concurrency", "1", "--candidate-budget-usd", "0.5"];
    let mut args = paid(&server.url, &more);
    args.retain(|arg| *arg != "--no-test");
    let output = mmh(folder.path(), &args);
    assert!(output.status.success(), "{}", said(&output));
    let summary = json_of(&folder.path().join("runs/a/summary.json"));
    let unscored: Vec<(u64, &str)> = summary["unscored"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["index"].as_u64().expect("a number"), it["status"].as_str().expect("a word")))
        .collect();
    assert_eq!(unscored, [(2, "candidate-budget-spent"), (3, "candidate-budget-spent")], "{summary}");
    for it in summary["unscored"].as_array().expect("a list") {
        let reason = it["reason"].as_str().expect("a text");
        assert!(reason.contains("0.5 USD") && reason.contains("--candidate-budget-usd"), "{reason}");
        let cost = it["cost"]["estimated_usd"].as_f64().expect("a cost");
        assert!(cost > 0.2 && cost < 0.6, "{cost}: {reason}");
    }
    assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(5), "the others are scored: {summary}");
    holds(folder.path(), "runs/a");
    let forged = folder.path().join("runs/a/config.json");
    let config = fs::read_to_string(&forged).expect("a file");
    fs::write(&forged, config.replace("\"candidate_budget_usd\": 0.5", "\"candidate_budget_usd\": 0.6"))
        .expect("written");
    assert_eq!(mmh(folder.path(), &["verify", "runs/a"]).status.code(), Some(1), "another share");
}

/// What a candidate had spent before the run was stopped counts afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_holds_when_a_run_goes_on() {
    let code = |iteration: u64, _| asking(&format!("new {iteration}"));
    let server = billing(code, |body| if body.contains("new 1") { 100_000 } else { 300 }).await;
    let folder = tempfile::tempdir().expect("a folder");
    baselines(folder.path());
    let more = ["--iterations", "1", "--concurrency", "1", "--candidate-budget-usd", "0.5"];
    let whole = mmh(folder.path(), &[&paid(&server.url, &more)[..], &["--runs-dir", "whole"]].concat());
    assert!(whole.status.success(), "{}", said(&whole));
    let mut args = paid(&server.url, &more);
    let place = args.iter().position(|arg| *arg == "--budget-usd").expect("it is there") + 1;
    args[place] = "0.3";
    assert_eq!(mmh(folder.path(), &args).status.code(), Some(4), "the run's budget is spent");
    let mut resume = vec!["run", "--resume", "runs/a", "--budget-usd", "5", "--no-cache"];
    resume.extend(["--target-base-url", &server.url, "--target-api", "anthropic"]);
    resume.extend(["--proposer-base-url", &server.url, "--proposer-api", "anthropic"]);
    let output = mmh(folder.path(), &resume);
    assert!(output.status.success(), "{}", said(&output));
    let ended = |run: &str| {
        let summary = json_of(&folder.path().join(run).join("summary.json"));
        let it = &summary["unscored"][0];
        (it["status"].clone(), it["reason"].clone(), it["cost"]["estimated_usd"].clone())
    };
    assert_eq!(ended("whole/a").0, json!("candidate-budget-spent"));
    assert_eq!(ended("runs/a"), ended("whole/a"));
    holds(folder.path(), "runs/a");
}
