//! Whole searches with a frontier, held-out scores for more than the best harness, a first look that drops candidates, and
//! harnesses that ask no model.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use mmh_record::{format::Summary, reader::RunReader};
use mmh_report::frontier;
use mmh_search::dataset::{self, BUILTIN, Example};
use mmh_tests::{
    cache_dir, environment, files_below, guest,
    runs::{copy_of, cut_off, made, once, reseal},
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

/// A search of simulated models whose second proposal is much worse than the first one.
const SCREENED: [&str; 10] = [
    "--mock",
    "--iterations",
    "3",
    "--eval-size",
    "100",
    "--screen",
    "60",
    "--held-out",
    "frontier",
    "--fixed-clock=2026-01-01T00:00:00Z",
];

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
        .expect("JSON")
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn summary(run: &Path) -> Summary {
    RunReader::open(run).and_then(|run| run.summary()).expect("a summary")
}

fn assert_verified(run: &Path) {
    succeeded(&mmh(run, &["verify", "."]));
}

fn assert_same(left: &Path, right: &Path) {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let all = files_below(folder).into_iter();
        all.map(|path| path.strip_prefix(folder).expect("below").to_owned()).collect()
    };
    assert_eq!(names(left), names(right));
    for name in names(left) {
        assert!(fs::read(left.join(&name)).ok() == fs::read(right.join(&name)).ok(), "{}", name.display());
    }
}

/// The frontier is on record, and its members have held-out scores, which are corrected together.
#[test]
fn members_of_the_frontier_are_tested() {
    let run = once(PROGRAM, &SCREENED);
    let summary = summary(run);
    let expected = serde_json::to_value(frontier::of(&summary)).expect("plain data");
    assert_eq!(json_of(&run.join("frontier.json")), expected);
    let members: Vec<u64> = expected["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|it| it["index"].as_u64().expect("an index"))
        .collect();
    assert_eq!(members, [0, 1, 3], "{expected:#}");
    let tested: BTreeSet<u32> = summary.test.iter().map(|it| it.index).collect();
    assert_eq!(tested, frontier::finalists(&summary).into_iter().collect());
    for it in &summary.iterations {
        let tokens: u64 = lines(&run.join(format!("iterations/{:03}/eval_trace.jsonl", it.index)))
            .iter()
            .map(|row| row["input_tokens"].as_u64().expect("tokens"))
            .sum();
        assert_eq!(it.score.mean_prompt_tokens, Some(tokens as f64 / 100.0), "{:03}", it.index);
    }
    let text = succeeded(&mmh(run, &["summary", "."])).replace("\n  ", " ");
    for says in [
        "frontier on validation: none has at least this accuracy with as few prompt tokens; per example",
        "001 against the baseline 000: ",
        "003 against the baseline 000: ",
        "(Holm, 2 comparisons): more than noise",
    ] {
        assert!(text.contains(says), "{says:?} is not in {text}");
    }
    let markdown = succeeded(&mmh(run, &["summary", ".", "--markdown"]));
    assert!(markdown.contains("| frontier | accuracy | prompt tokens | model calls | USD |"), "{markdown}");
    let csv = succeeded(&mmh(run, &["summary", ".", "--csv"]));
    let on_frontier = csv.lines().filter(|line| line.contains(",true,") && line.contains(",scored,"));
    assert_eq!(on_frontier.count(), 3, "{csv}");
    let board = json_of_output(&mmh(run, &["summary", ".", "--json"]));
    assert_eq!(board["scoreboard"]["frontier"], expected["members"]);
    assert_eq!(board["scoreboard"]["held_out_all"].as_array().map(Vec::len), Some(2));
    assert_verified(run);
}

fn json_of_output(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// A candidate that is clearly worse on the first examples gets no score and no further examples, and the next proposer is
/// told so.
#[test]
fn a_clearly_worse_candidate_is_dropped() {
    let run = once(PROGRAM, &SCREENED);
    let summary = summary(run);
    let [dropped] = &summary.unscored[..] else { panic!("one is dropped: {:?}", summary.unscored) };
    assert_eq!((dropped.index, dropped.status.as_str()), (2, "screened-out"));
    for says in [
        "clearly worse than the best so far, 001, on the first 60 validation examples: accuracy ",
        "(exact McNemar, one-sided)",
        "5 % shared among the 2 harnesses that the best could have been; the other 40 examples were not run (--screen)",
    ] {
        assert!(dropped.reason.contains(says), "{says:?} is not in {}", dropped.reason);
    }
    let first: Vec<Value> = lines(&run.join("iterations/001/eval_trace.jsonl"));
    let rows = lines(&run.join("iterations/002/eval_trace.jsonl"));
    let ids = |rows: &[Value]| rows.iter().map(|row| row["example_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rows), ids(&first)[..60], "the first examples of all");
    assert!(!run.join("iterations/002/score.json").exists());
    let next = fs::read_to_string(run.join("iterations/003/proposer.jsonl")).expect("a transcript");
    assert!(next.contains("tried on the first 60 validation examples"), "the proposer is told of the look");
    assert!(next.contains("\\\"status\\\":\\\"screened-out\\\""), "and of what it dropped");
    let replayed = succeeded(&mmh(run, &["replay", ".", "--iteration", "2"]));
    assert!(replayed.contains("60 examples: 60 same"), "{replayed}");
}

/// Whoever changes a byte of the frontier is found out, with new manifests too.
#[test]
fn a_changed_frontier_is_found() {
    let (_folder, run) = copy_of(once(PROGRAM, &SCREENED));
    let file = run.join("frontier.json");
    let mut bytes = fs::read(&file).expect("read");
    let at = bytes.iter().rposition(u8::is_ascii_digit).expect("a digit");
    bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
    fs::write(&file, bytes).expect("written");
    let unsealed = mmh(&run, &["verify", "."]);
    assert!(!unsealed.status.success() && said(&unsealed).contains("frontier.json"), "{}", said(&unsealed));
    reseal(&run);
    let found = mmh(&run, &["verify", "."]);
    assert!(!found.status.success() && said(&found).contains("frontier.json: members"), "{}", said(&found));
    // A dropped candidate with one example less is no dropped one.
    let (_folder, run) = copy_of(once(PROGRAM, &SCREENED));
    let traces = run.join("iterations/002/eval_trace.jsonl");
    let text = fs::read_to_string(&traces).expect("read");
    let shorter: String = text.split_inclusive('\n').take(59).collect();
    fs::write(&traces, shorter).expect("written");
    reseal(&run);
    let found = mmh(&run, &["verify", "."]);
    assert!(!found.status.success(), "{}", said(&found));
}

/// The same twice, and the same after a stop before the look, at its end, and behind it.
#[test]
fn a_screened_run_ends_the_same_whenever_it_was_stopped() {
    let whole = once(PROGRAM, &SCREENED);
    let again = made("screened again", |folder| {
        let args = [&["run", "--run-id", "a"][..], &SCREENED].concat();
        succeeded(&mmh(folder, &args));
    });
    assert_same(whole, again);
    for (iteration, examples) in [(2, 20), (2, 60), (3, 70)] {
        let (folder, run) = copy_of(whole);
        cut_off(&run, iteration, examples);
        let open = mmh(&run, &["verify", "."]);
        assert!(open.status.success(), "{iteration}, {examples}: {}", said(&open));
        let args = [&["run", "--resume", "elsewhere"][..], &CLOCK].concat();
        succeeded(&mmh(folder.path(), &args));
        assert_same(whole, &run);
    }
}

/// A harness that asks no model is said to be one by everything that shows it, and refused where a model is required.
#[test]
fn a_harness_that_asks_no_model_is_said_to_be_one() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("constant.rs"), constant()).expect("written");
    let run =
        ["run", "--mock", "--iterations", "1", "--eval-size", "6", "--no-test", "--baseline", "constant.rs"];
    let output = mmh(folder.path(), &[&run[..], &["--run-id", "a"]].concat());
    let shown = succeeded(&output);
    assert!(shown.contains("asks no model: 000: none of the examples makes a call"), "{shown}");
    let table: [(&[&str], &str); 5] = [
        (&["summary", "runs/a"], " 0.00         -  asks no model"),
        (&["summary", "runs/a", "--csv"], ",asks no model"),
        (&["summary", "runs/a", "--markdown"], "- asks no model: 000"),
        (&["replay", "runs/a", "--iteration", "0"], "it asks no model"),
        (&["eval", "constant.rs", "--mock", "--eval-size", "6"], "it asks no model"),
    ];
    for (args, says) in table {
        let output = succeeded(&mmh(folder.path(), args));
        assert!(output.contains(says), "{args:?}: {says:?} is not in {output}");
    }
    let transcript = folder.path().join("runs/a/iterations/001/proposer.jsonl");
    let transcript = fs::read_to_string(transcript).expect("a transcript");
    assert!(transcript.contains("\\\"remark\\\":\\\"asks no model\\\""), "the proposer is told");

    let output = mmh(folder.path(), &[&run[..], &["--require-model", "--run-id", "b"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("asks no model"), "{}", said(&output));
    let refused = summary(&folder.path().join("runs/b"));
    assert!(refused.iterations.is_empty());
    assert_eq!(refused.unscored[0].status, "asks-no-model");
    assert_eq!(refused.stopped.map(|it| it.status).as_deref(), Some("baseline-broken"));
    for run in ["runs/a", "runs/b"] {
        assert_verified(&folder.path().join(run));
    }
}

/// Answers the same to everything, and asks nobody.
fn constant() -> String {
    asking("")
        .replace("model.ask(format!(\" {input}\"))?", "{ let _ = (input, model); \"migraine\".to_owned() }")
}

/// A harness that asks for the label with these words, and answers with what is said.
fn asking(words: &str) -> String {
    guest("run/ok.rs")
        .replace("format!(\"{} {input}\", task.instructions)", &format!("format!(\"{words} {{input}}\")"))
        .replace("fn predict(task: &Task", "fn predict(_: &Task")
}

/// A server that plays both models: a proposer that submits these harnesses, one an iteration, and a target that knows all
/// labels, does not tell its tokens, and talks nonsense where it is asked badly.
async fn server(harnesses: Vec<String>) -> Server {
    let examples: Arc<Vec<Example>> = Arc::new(dataset::load(BUILTIN, 0).expect("it loads").val);
    Server::start(move |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let asked = body["messages"][0]["content"].to_string();
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        if body["model"] == "proposer" {
            let meant =
                (1..=harnesses.len()).find(|at| asked.contains(&format!("harness of iteration {at}.")));
            let code = &harnesses[meant.expect("an iteration") - 1];
            let input = json!({ "code": code, "reasoning": "# An idea" });
            let call = json!({ "type": "tool_use", "id": "t1", "name": "write_harness", "input": input });
            let reply = json!({ "content": [call], "stop_reason": "tool_use", "usage": usage });
            return Reply::new(200, reply.to_string());
        }
        let is_meant = |it: &&Example| asked.contains(json!(it.input.text).to_string().trim_matches('"'));
        let known = examples.iter().find(is_meant).filter(|_| !asked.contains("badly"));
        let text = known.map_or("nonsense", |it| it.gold.as_str());
        let reply = json!({ "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn" });
        Reply::new(200, reply.to_string())
    })
    .await
}

/// With paid models: a dropped candidate costs its first examples only, one that passes asks for each example once, and
/// tokens that a provider does not tell are said to be estimated.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_look_saves_calls() {
    let server = server(vec![asking("badly"), asking("well"), constant()]).await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("first.rs"), asking("first")).expect("written");
    let url = server.url.as_str();
    let run = ["run", "--run-id", "a", "--eval-size", "20", "--no-cache", "--budget-usd", "5", "--no-test"];
    let more = ["--iterations", "3", "--screen", "8", "--require-model", "--baseline", "first.rs"];
    let prices = ["--target-price", "1,5", "--proposer-price", "1,5"];
    let target = ["--target-model", "target", "--target-base-url", url, "--target-api", "anthropic"];
    let proposer =
        ["--proposer-model", "proposer", "--proposer-base-url", url, "--proposer-api", "anthropic"];
    let output = mmh(folder.path(), &[&run[..], &more, &prices, &target, &proposer].concat());
    succeeded(&output);
    let run = folder.path().join("runs/a");
    let asked = server.journal().iter().filter(|request| request.body.contains("\"target\"")).count();
    assert_eq!(asked, 20 + 8 + 20, "the baseline, the first look at the worse one, the better one");
    let summary = summary(&run);
    let unscored: Vec<(u32, &str)> =
        summary.unscored.iter().map(|it| (it.index, it.status.as_str())).collect();
    assert_eq!(unscored, [(1, "screened-out"), (3, "screened-out")]);
    assert!(summary.unscored[0].reason.contains("0 better and 8 worse, p 0.0039"), "{:?}", summary.unscored);
    let score = &summary.iterations[1].score;
    assert_eq!(score.estimated_calls, 20);
    assert!(score.mean_cost_usd > 0.0, "{score:?}");
    let shown = succeeded(&mmh(folder.path(), &["summary", "runs/a"]));
    assert!(shown.contains("~: the provider did not tell all tokens"), "{shown}");
    assert_verified(&run);
}

/// A candidate that asks no model is refused after its evaluation, and the search goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_asks_no_model_is_refused() {
    let server = server(vec![constant(), asking("well")]).await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("first.rs"), asking("badly")).expect("written");
    let url = server.url.as_str();
    let run = ["run", "--run-id", "a", "--eval-size", "6", "--no-cache", "--budget-usd", "5"];
    let more = ["--iterations", "2", "--require-model", "--baseline", "first.rs", "--held-out", "all"];
    let prices = ["--target-price", "1,5", "--proposer-price", "1,5"];
    let target = ["--target-model", "target", "--target-base-url", url, "--target-api", "anthropic"];
    let proposer =
        ["--proposer-model", "proposer", "--proposer-base-url", url, "--proposer-api", "anthropic"];
    let all = [&run[..], &more, &prices, &target, &proposer].concat();
    fs::write(folder.path().join("constant.rs"), constant()).expect("written");
    let of_constant: Vec<&str> =
        all.iter().map(|word| if *word == "first.rs" { "constant.rs" } else { word }).collect();
    let dry = mmh(folder.path(), &[&of_constant[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(1), "{}", said(&dry));
    assert!(said(&dry).contains("the baseline asks no model (--require-model)"), "{}", said(&dry));
    succeeded(&mmh(folder.path(), &all));
    let run = folder.path().join("runs/a");
    let summary = summary(&run);
    assert_eq!(summary.unscored.len(), 1, "{:?}", summary.unscored);
    assert_eq!((summary.unscored[0].index, summary.unscored[0].status.as_str()), (1, "asks-no-model"));
    assert_eq!(lines(&run.join("iterations/001/eval_trace.jsonl")).len(), 6, "its examples are on record");
    assert_eq!(summary.best_iteration_index, Some(2));
    let told = fs::read_to_string(run.join("iterations/002/proposer.jsonl")).expect("a transcript");
    assert!(told.contains("is refused and gets no score"), "the proposer is told of the rule");
    assert_verified(&run);
    // With one example less the record is no longer whole.
    let traces = run.join("iterations/001/eval_trace.jsonl");
    let text = fs::read_to_string(&traces).expect("read");
    fs::write(&traces, text.split_inclusive('\n').take(5).collect::<String>()).expect("written");
    reseal(&run);
    assert!(!mmh(&run, &["verify", "."]).status.success());
}
