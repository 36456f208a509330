//! `mmh eval` with several targets, and of a run's iteration: one table, each model with its own share of the budget, and
//! what fails with one does not concern the others. The models are a server on loopback that knows several names.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use mmh_search::{
    baselines::ZERO_SHOT,
    dataset::{self, BUILTIN},
};
use mmh_tests::{
    cache_dir, environment, runs,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Models, or how their evaluations ended.
type Words<'a> = &'a [&'a str];

/// A row of the table about runs: name, arguments, the first row's name, whether it is recorded, how many rows, a warning.
type Compared<'a> = (&'a str, Vec<&'a str>, &'a str, bool, usize, &'a str);

/// Examples that are evaluated.
const EXAMPLES: usize = 20;

/// A server with several models: `good` knows the answers, `poor` has one for everything, `dear` is good and has many
/// tokens on its bill, and nobody may ask `shut`.
async fn server() -> Server {
    let data = dataset::load(BUILTIN, 0).expect("it loads");
    let golds: BTreeMap<String, String> =
        data.val.iter().chain(&data.test).map(|it| (it.input.text.clone(), it.gold.clone())).collect();
    Server::start(move |request: &Request| {
        if request.path.ends_with("/models") {
            return Reply::new(404, "{}");
        }
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let prompt = body["messages"][0]["content"].to_string();
        let prompt: String = serde_json::from_str(&prompt).unwrap_or_default();
        let model = body["model"].as_str().unwrap_or_default();
        if model == "shut" {
            return Reply::new(401, r#"{"error":{"message":"no such key"}}"#);
        }
        let known = golds.iter().find(|(text, _)| prompt.contains(text.as_str()));
        let answer = match (model, known) {
            ("poor", _) | (_, None) => "migraine",
            (_, Some((_, gold))) => gold,
        };
        let tokens = if model == "dear" { 400_000 } else { 100 };
        let usage = json!({ "prompt_tokens": tokens, "completion_tokens": 2 });
        Reply::new(200, json!({ "model": model, "usage": usage, "choices": [{ "message": { "content": answer }, "finish_reason": "stop" }] }).to_string())
    })
    .await
}

/// A folder with a harness.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("h.rs"), ZERO_SHOT.source).expect("a file");
    folder
}

/// `mmh eval`: its exit code, standard output and standard error.
async fn eval(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("eval").args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The arguments for these models of a server.
fn asking<'a>(url: &'a str, models: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["--target-base-url", url, "--target-price", "1,1", "--no-cache", "--attempts", "1"];
    models.iter().for_each(|model| args.extend(["--target-model", model]));
    args.extend(more);
    args
}

fn json_of(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn several_targets_stand_side_by_side() {
    let (folder, server) = (folder(), server().await);
    let url = format!("{}/v1", server.url);
    let size = EXAMPLES.to_string();
    let args = asking(&url, &["good", "poor"], &["h.rs", "--eval-size", &size, "--trace", "t.jsonl"]);
    let (code, said, err) = eval(folder.path(), &[&args[..], &["--json"]].concat()).await;
    assert_eq!(code, Some(0), "{said}{err}");
    let all = json_of(&said);
    let [good, poor] = [&all["targets"][0], &all["targets"][1]];
    assert_eq!(
        (&all["ok"], &all["against"], &good["target"]),
        (&json!(true), &json!("good"), &json!("good"))
    );
    assert_eq!((&good["score"]["accuracy"], &good["change"]), (&json!(1.0), &Value::Null));
    let right = poor["score"]["n_correct"].as_u64().expect("a number");
    assert_eq!(poor["change"]["broken"].as_u64(), Some(EXAMPLES as u64 - right));
    assert_eq!((&poor["change"]["fixed"], &poor["change"]["more_than_noise"]), (&json!(0), &json!(true)));
    for row in [good, poor] {
        assert_eq!(
            (&row["prompt_tokens_per_example"], &row["calls_per_example"]),
            (&json!(100.0), &json!(1.0))
        );
        let usd = row["cost"]["estimated_usd"].as_f64().expect("a number");
        assert!((usd - EXAMPLES as f64 * 102e-6).abs() < 1e-9, "{usd}");
    }
    // What happened with both of them is in one file, each row with its model.
    let rows = fs::read_to_string(folder.path().join("t.jsonl")).expect("a trace");
    let models: Vec<Value> = rows.lines().map(|line| json_of(line)["model"].clone()).collect();
    let (first, second) = models.split_at(EXAMPLES);
    assert!(first.iter().all(|it| it == "good") && second.len() == EXAMPLES, "{models:?}");
    assert!(second.iter().all(|it| it == "poor"), "{models:?}");
    let (code, said, err) = eval(folder.path(), &args).await;
    assert_eq!(code, Some(0), "{said}{err}");
    let table: Vec<Vec<&str>> =
        said.lines().skip(2).take(3).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0][..3], ["target", "accuracy", "[95"], "{said}");
    assert_eq!(table[1][..2], ["good", "100.0%"], "{said}");
    assert_eq!((table[2][0], table[2][6], table[2].last()), ("poor", "<.001", Some(&"0.0020")), "{said}");
    assert!(said.contains("change (points) and p: against good, exact McNemar, two-sided"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_with_one_target_does_not_concern_the_others() {
    let (folder, server) = (folder(), server().await);
    let url = format!("{}/v1", server.url);
    let more = ["h.rs", "--eval-size", "12", "--concurrency", "1", "--json"];
    // name, models, the budget, exit code, how each ended
    let table: [(&str, Words<'_>, &str, i32, Words<'_>); 4] = [
        ("all of them", &["good", "poor"], "5", 0, &["", ""]),
        ("a key that is refused", &["shut", "good"], "5", 3, &["model-unusable", ""]),
        ("an equal share is spent", &["dear", "good"], "3", 4, &["budget-spent", ""]),
        ("what one does not spend is the next one's", &["good", "dear"], "5.5", 0, &["", ""]),
    ];
    for (name, models, budget, code, ends) in table {
        let args = asking(&url, models, &[&more[..], &["--budget-usd", budget]].concat());
        let (found, said, err) = eval(folder.path(), &args).await;
        assert_eq!(found, Some(code), "{name}: {said}{err}");
        let all = json_of(&said);
        let targets = all["targets"].as_array().expect("targets");
        let kinds: Vec<&str> = targets.iter().map(|it| it["kind"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds, ends, "{name}: {said}");
        for row in targets {
            assert_eq!(row["score"].is_null(), !row["kind"].is_null(), "{name}: {row}");
        }
        assert_eq!(all["ok"], (code == 0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iteration_is_compared_with_what_the_run_has_on_record() {
    let server = server().await;
    let url = format!("{}/v1", server.url);
    let folder = folder();
    let made = tokio::task::spawn_blocking(|| [runs::honest(PROGRAM), runs::paid(PROGRAM)]);
    let [simulated, paid] = made.await.expect("no panic").map(|run| run.display().to_string());
    let good = asking(&url, &["good"], &[]);
    let two = asking(&url, &["poor", "good"], &[]);
    let table: Vec<Compared<'_>> = vec![
        (
            "of simulated models",
            [&good[..], &[&simulated, "--iteration", "1"]].concat(),
            "simulated-target",
            true,
            2,
            "the run's own target is simulated",
        ),
        ("the best one", [&good[..], &[&simulated]].concat(), "simulated-target", true, 2, "is simulated"),
        ("of a paid run", [&two[..], &[&paid, "--iteration", "0"]].concat(), "", true, 3, ""),
        (
            "held-out examples",
            [&good[..], &[&simulated, "--iteration", "0", "--split", "test"]].concat(),
            "simulated-target",
            true,
            2,
            "is simulated",
        ),
        (
            "not tested",
            [&two[..], &[&simulated, "--iteration", "2", "--split", "test", "--eval-size", "5"]].concat(),
            "poor",
            false,
            2,
            "the run has no test score of 002",
        ),
        ("simulated again", vec![&simulated, "--iteration", "1"], "simulated-target", true, 2, ""),
    ];
    for (name, args, first, is_recorded, count, warning) in table {
        let (code, said, err) = eval(folder.path(), &[&args[..], &["--json"]].concat()).await;
        assert_eq!(code, Some(0), "{name}: {said}{err}");
        let all = json_of(&said);
        let targets = all["targets"].as_array().expect("targets");
        assert_eq!((targets.len(), &targets[0]["recorded"]), (count, &json!(is_recorded)), "{name}: {said}");
        assert!(targets[0]["target"].as_str().is_some_and(|it| it.contains(first)), "{name}: {said}");
        let warnings = all["warnings"].to_string();
        assert_eq!(warnings.contains(warning) && warnings != "[]", !warning.is_empty(), "{name}: {warnings}");
        assert!(targets[1..].iter().all(|row| row["change"]["n"].as_u64() > Some(0)), "{name}: {said}");
        if name == "simulated again" {
            let same = ["accuracy", "total_fuel", "total_input_tokens"];
            same.iter().for_each(|it| assert_eq!(targets[0]["score"][it], targets[1]["score"][it], "{it}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_refused() {
    let folder = folder();
    let run = runs::honest(PROGRAM).display().to_string();
    let strange = folder.path().join("strange");
    runs::copy(Path::new(&run), &strange);
    let config = fs::read_to_string(strange.join("config.json")).expect("a file");
    fs::write(
        strange.join("config.json"),
        config.replacen("\"dataset\":", "\"dataset_path\": \"/etc\", \"dataset\":", 1),
    )
    .expect("a file");
    let table: [(&[&str], &str); 8] = [
        (
            &["h.rs", "--mock", "--target-model", "a", "--target-model", "b"],
            "--mock has one simulated target",
        ),
        (&["h.rs", "--target-model", "a", "--target-model", "a"], "--target-model a is named twice"),
        (
            &["h.rs", "--mock", "--iteration", "1"],
            "--iteration chooses one of a run, and h.rs is no run's folder",
        ),
        (&[&run, "--iteration", "77"], "the run has no iteration 77"),
        (&[&run, "--mock", "--dataset", "other.csv"], "the data set other.csv is not the run's"),
        (&["strange", "--mock"], "its data set is not looked for where the run says, at /etc"),
        (&["nearst", "--mock"], "nearst is neither a file nor a harness that ships with mmh"),
        (&[".", "--mock"], "config.json"),
    ];
    let rows: String =
        (0..30).map(|at| format!("text {at},{}\n", if at % 2 == 0 { "a" } else { "b" })).collect();
    fs::write(folder.path().join("other.csv"), format!("text,label\n{rows}")).expect("a file");
    for (args, expected) in table {
        let (code, said, err) = eval(folder.path(), args).await;
        assert!(code == Some(2) && err.contains(expected), "{args:?}: {code:?} {said}{err}");
    }
}
