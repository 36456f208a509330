//! The audit commands: replay, inspect, diff, export and gc, on a run that was made by the same program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use mmh_engine::{
    cache::Cache,
    sandbox::{CallContext, Report, Sandbox, Task, engine},
};
use mmh_record::{digest::Digest, limits::Limits, manifest::Manifest};
use mmh_search::{dataset, dataset::task::BASELINE, inspect::component};
use mmh_tests::{
    builder, cache_dir, guest, guests, root,
    runs::{copied, copy, honest, reseal},
    server::{Reply, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Runs the program in a folder. `RUN` in an argument stands for the run.
fn mmh_in(folder: &Path, run: &Path, args: &[&str]) -> Output {
    let run = run.display().to_string();
    let mut command = Command::new(PROGRAM);
    command.args(args.iter().map(|arg| arg.replace("RUN", &run))).current_dir(folder);
    command.env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_LOG").env_remove("MOONSHOT_API_KEY");
    command.output().expect("the program starts")
}

fn mmh(run: &Path, args: &[&str]) -> Output {
    mmh_in(&root(), run, args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn both(output: &Output) -> String {
    format!("{}{}", stdout(output), String::from_utf8_lossy(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", both(output)))
}

/// What depends on the compiler and not on the program, masked: digests, and numbers of five digits or more.
fn masked(text: &str) -> String {
    let is_inside = |it: char| it.is_ascii_alphanumeric() || it == ',';
    let mut out = String::new();
    for word in text.split_inclusive(|it: char| !is_inside(it)) {
        let inner = word.trim_end_matches(|it: char| !it.is_ascii_alphanumeric());
        let digits = inner.bytes().filter(u8::is_ascii_digit).count();
        let is_number = digits + inner.bytes().filter(|byte| *byte == b',').count() == inner.len();
        let is_hex = inner.bytes().all(|byte| byte.is_ascii_hexdigit());
        match inner.len() {
            12 | 64 if is_hex => out += &word.replace(inner, "SHA256"),
            _ if is_number && digits > 4 => out += &word.replace(inner, "N"),
            _ => out += word,
        }
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn rows(path: PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).expect("read");
    let changed = change(text.clone());
    assert_ne!(text, changed, "{}", path.display());
    fs::write(path, changed).expect("written");
}

/// The baseline without its own tests.
fn baseline() -> String {
    BASELINE.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// A folder with changed harnesses and with files that are none.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("a file");
    put("same.rs", format!("{}// another source, the same prompts\n", baseline()).as_bytes());
    put("prompt.rs", baseline().replace("Reply with one label", "Answer with one label").as_bytes());
    put("constant.rs", constant("common cold").as_bytes());
    put("type_error.rs", guest("compile/type_error.rs").as_bytes());
    put("learner.rs", guest("run/learner.rs").as_bytes());
    put("learn_panic.rs", guest("run/learn_panic.rs").as_bytes());
    put("text.wasm", b"this is no component");
    put("core.wasm", &wat::parse_str("(module)").expect("wat"));
    put("invalid.wasm", &wat::parse_str("(component (core module (func i32.add)))").expect("wat"));
    put("small.wasm", &wat::parse_str(SMALL).expect("wat"));
    folder
}

const SMALL: &str = r#"(component
    (import "mmh:harness/log@2.0.0" (instance))
    (core module (func (export "f")) (memory 1))
    (core instance $i (instantiate 0))
    (func (export "f") (canon lift (core func $i "f"))))"#;

/// A harness that always gives one answer, without a call.
fn constant(label: &str) -> String {
    let body = format!("Ok(Answer::new({label:?}))");
    guest("run/trap.rs").replace("std::process::abort()", &body)
}

#[test]
fn what_goes_wrong_is_said() {
    let (run, files) = (honest(PROGRAM), files());
    let full = files.path().join("full");
    fs::create_dir(&full).expect("a folder");
    fs::write(full.join("x"), "").expect("a file");
    let table: [(&[&str], i32, &str); 30] = [
        (&["replay", "nowhere", "--iteration", "0"], 2, "there is no run at nowhere"),
        (&["replay", "RUN"], 2, "--iteration <N>"),
        (&["replay", "RUN", "--iteration", "9"], 2, "the run has no iteration 9: it has 000, 001, 002, 003"),
        (
            &["replay", "RUN", "--iteration", "0", "--example", "val-x"],
            2,
            "iteration 0 has no val example \"val-x\": its 6 examples are val-",
        ),
        (
            &["replay", "RUN", "--iteration", "2", "--split", "test"],
            2,
            "iteration 2 has no test evaluation: held-out evaluations are there of 000, 001",
        ),
        (&["replay", "RUN", "--iteration", "0", "--split", "train"], 2, "invalid value 'train'"),
        (&["replay", "RUN", "--iteration", "0", "--live"], 2, "--harness <PATH>"),
        (&["replay", "RUN", "--iteration", "0", "--target-model", "x"], 2, "are of use with --live only"),
        (
            &["replay", "RUN", "--iteration", "0", "--live", "--harness", "same.rs", "--target-model", "x"],
            2,
            "--mock uses simulated models; x cannot be used",
        ),
        (&["replay", "RUN", "--iteration", "0", "--harness", "nowhere.rs"], 2, "cannot read nowhere.rs"),
        (
            &["replay", "RUN", "--iteration", "0", "--harness", "type_error.rs"],
            1,
            "did-not-compile: error[E0277]",
        ),
        (
            &["replay", "RUN", "--iteration", "0", "--harness", "type_error.rs", "--json"],
            1,
            "\"kind\": \"did-not-compile\"",
        ),
        (
            &["replay", "RUN", "--iteration", "0", "--harness", "same.rs", "--dataset", "nowhere"],
            2,
            "\"nowhere\" is no data set",
        ),
        (
            &["replay", "RUN", "--iteration", "0", "--harness", "learn_panic.rs"],
            1,
            "learn failed at batch 0: panic: panicked at learn_panic.rs:11:9: ",
        ),
        (&["inspect", "nowhere.wasm"], 2, "cannot read nowhere.wasm: No such file"),
        (
            &["inspect", "text.wasm"],
            2,
            "text.wasm is no component: the component is malformed: magic header not detected",
        ),
        (&["inspect", "core.wasm"], 2, "core.wasm is no component: it is a core module"),
        (&["inspect", "invalid.wasm"], 2, "invalid.wasm is no component: it is invalid: type mismatch"),
        (&["inspect", "same.rs"], 2, "same.rs is no component"),
        (&["inspect", "RUN"], 2, "--iteration says which component"),
        (&["inspect", "small.wasm", "--iteration", "0"], 2, "small.wasm is no run folder"),
        (&["inspect", "RUN", "--iteration", "9"], 2, "the run has no iteration 9"),
        (&["diff", "nowhere", "0", "1"], 2, "there is no run at nowhere"),
        (&["diff", "RUN", "0", "9"], 2, "the run has no iteration 9"),
        (&["diff", "RUN", "0", "2", "--split", "test"], 2, "iteration 2 has no test evaluation"),
        (&["diff", "RUN", "0"], 2, "<B>"),
        (&["export", "RUN", "--iteration", "9", "-o", "out"], 2, "the run has no iteration 9"),
        (&["export", "RUN", "-o", "full"], 2, "full exists already and is not empty"),
        (&["export", "RUN", "-o", "same.rs"], 3, "cannot write same.rs: Not a directory"),
        (&["gc", "--cache-dir", "same.rs", "--older-than", "-1"], 2, "unexpected argument"),
    ];
    for (args, code, says) in table {
        let output = mmh_in(files.path(), run, args);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {says:?} is not in {said}");
    }
    assert!(!files.path().join("out").exists());
}

/// Damaged files are named; what does not need them goes on.
#[test]
fn damage_is_named() {
    let cut = |text: String| text[..text.len() / 2].to_owned();
    let garbage = |text: String| text.replacen("{\"example_id\"", "{\"example\"", 1);
    type Damage<'a> = &'a dyn Fn(String) -> String;
    // file, damage, command, exit code, what is said
    let table: [(&str, Damage<'_>, &[&str], i32, &str); 11] = [
        ("config.json", &cut, &["replay", "RUN", "--iteration", "0"], 3, "config.json is damaged"),
        ("config.json", &cut, &["diff", "RUN", "0", "1"], 3, "config.json is damaged"),
        ("config.json", &cut, &["export", "RUN", "-o", "out"], 3, "config.json is damaged"),
        (
            "iterations/001/eval_trace.jsonl",
            &garbage,
            &["replay", "RUN", "--iteration", "1"],
            3,
            "iterations/001/eval_trace.jsonl is damaged: line 1",
        ),
        (
            "iterations/001/eval_trace.jsonl",
            &garbage,
            &["diff", "RUN", "0", "1"],
            3,
            "iterations/001/eval_trace.jsonl is damaged: line 1",
        ),
        (
            "iterations/001/model_calls.jsonl",
            &garbage,
            &["replay", "RUN", "--iteration", "1"],
            3,
            "iterations/001/model_calls.jsonl is damaged: line 1",
        ),
        // It compares outcomes, and reads no call.
        ("iterations/001/model_calls.jsonl", &garbage, &["diff", "RUN", "0", "1"], 0, "examples of both"),
        ("summary.json", &cut, &["export", "RUN", "-o", "out"], 3, "summary.json is damaged"),
        ("summary.json", &cut, &["replay", "RUN", "--iteration", "1"], 0, "6 examples: 6 same"),
        ("summary.json", &cut, &["inspect", "RUN", "--iteration", "1"], 0, "no parent"),
        (
            "iterations/001/score.json",
            &|text| text.replace("\"n_correct\": ", "\"n_correct\": 1"),
            &["export", "RUN", "-o", "out", "--iteration", "1"],
            1,
            "iterations/001/score.json is not as it was recorded: sha256",
        ),
    ];
    for (file, damage, args, code, says) in table {
        let (folder, run) = copied(PROGRAM);
        edit(&run.join(file), damage);
        let output = mmh_in(folder.path(), &run, args);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(code), "{file}, {args:?}: {said}");
        assert!(said.contains(says), "{file}, {args:?}: {says:?} is not in {said}");
        assert!(!folder.path().join("out").exists(), "{file}");
    }
    let (folder, run) = copied(PROGRAM);
    let component = run.join("iterations/001/harness.wasm");
    let bytes = fs::read(&component).expect("read");
    fs::write(&component, &bytes[..bytes.len() / 2]).expect("written");
    let output = mmh_in(folder.path(), &run, &["inspect", "RUN", "--iteration", "1"]);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(both(&output).contains("iterations/001/harness.wasm is no component"), "{}", both(&output));
}

/// Every evaluation of a run, example by example, comes out as it was recorded, also with a learned state.
#[test]
fn recorded_examples_come_out_the_same() {
    let run = honest(PROGRAM);
    assert!(run.join("iterations/003/state.bin").is_file(), "one of them has learned something");
    let best = if run.join("test/001").is_dir() { "1" } else { "0" };
    for (iteration, split, count) in
        [("0", "val", 6), ("1", "val", 6), ("2", "val", 6), ("3", "val", 6), (best, "test", 220)]
    {
        let output = mmh(run, &["replay", "RUN", "--iteration", iteration, "--split", split, "--json"]);
        let found = json_of(&output);
        assert_eq!(
            (output.status.code(), &found["counts"]),
            (Some(0), &json!({ "same": count })),
            "{iteration}"
        );
    }
    let id = rows(run.join("iterations/000/eval_trace.jsonl"))[0]["example_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let output = mmh(run, &["replay", "RUN", "--iteration", "0", "--example", &id]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("replay_of_one_example", masked(&stdout(&output)));
}

/// What a tampered record says is not what comes out.
#[test]
fn a_changed_record_is_seen() {
    let (_folder, run) = copied(PROGRAM);
    let path = run.join("iterations/001/eval_trace.jsonl");
    let id = rows(path.clone())[0]["example_id"].as_str().expect("an id").to_owned();
    edit(&path, |text| text.replacen("\"fuel\":", "\"fuel\":1", 1));
    let output = mmh(&run, &["replay", "RUN", "--iteration", "1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("6 examples: 5 same, 1 different"), "{}", stdout(&output));
    let output = mmh(&run, &["replay", "RUN", "--iteration", "1", "--example", &id]);
    assert_eq!(output.status.code(), Some(1));
    let said = stdout(&output);
    assert!(said.contains("NOT as recorded") && said.contains("the record says\n  fuel: 1"), "{said}");
}

/// A trap is shown where it stands in the source: the line that holds `marker`.
#[test]
fn traps_are_shown_in_the_source() {
    let (run, folder) = (honest(PROGRAM), tempfile::tempdir().expect("a folder"));
    let id = rows(run.join("iterations/000/eval_trace.jsonl"))[0]["example_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let predict = "<harness::Guest as mmh_sdk::harness::Harness>::predict";
    // guest, outcome, what stands on the line, the function
    let table = [
        ("panic.rs", "panic", "&labels[input.text.len()]", predict),
        ("trap.rs", "trap", "std::process::abort()", predict),
        ("exit.rs", "exit", "std::process::exit", predict),
        ("stack_overflow.rs", "stack-overflow", "else { depth(", "harness::depth"),
        ("memory_limit.rs", "memory-limit", "vec!", predict),
    ];
    for (name, kind, marker, function) in table {
        let source = guest(&format!("run/{name}"));
        let line = source
            .lines()
            .position(|line| line.contains(marker))
            .unwrap_or_else(|| panic!("{name}: {source}"));
        fs::write(folder.path().join(name), &source).expect("a file");
        let args = ["replay", "RUN", "--iteration", "0", "--example", &id, "--harness", name];
        let output = mmh_in(folder.path(), run, &args);
        let said = stdout(&output);
        assert!(said.contains(&format!("outcome     {kind}: ")), "{name}: {said}");
        let (_, backtrace) =
            said.split_once("backtrace, innermost first\n").unwrap_or_else(|| panic!("{name}: {said}"));
        let place = format!("    {name}:{}:", line + 1);
        let shown =
            backtrace.lines().any(|it| it.starts_with(&place) && it.contains(&format!(" in {function}")));
        assert!(shown, "{name}: {place} in {function} is not in {backtrace}");
    }
    let args = ["replay", "RUN", "--iteration", "0", "--example", &id, "--harness", "panic.rs"];
    let said = stdout(&mmh_in(folder.path(), run, &args));
    let (_, backtrace) = said.split_once("backtrace").expect("there is one");
    insta::assert_snapshot!("backtrace_of_a_panic", masked(backtrace));
}

/// A changed harness against the recorded replies: what is fixed, broken, unchanged, and not known.
#[test]
fn a_changed_harness_is_compared() {
    let (run, files) = (honest(PROGRAM), files());
    let recorded = rows(run.join("iterations/000/eval_trace.jsonl"));
    let replay = |more: &[&str]| {
        let args = [&["replay", "RUN", "--iteration", "0", "--json", "--harness"], more].concat();
        let output = mmh_in(files.path(), run, &args);
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", both(&output));
        json_of(&output)
    };
    // What the constant answer does to each example follows from the record.
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &recorded {
        let standing = match (row["correct"] == json!(true), row["gold_label"] == json!("common cold")) {
            (false, true) => "fixed",
            (true, false) => "broken",
            _ => "unchanged",
        };
        *expected.entry(standing).or_default() += 1;
    }
    assert!(expected.contains_key("broken"), "{expected:?}");
    // name, arguments, how the examples stand
    let table: [(&str, &[&str], Value); 5] = [
        ("the same prompts", &["same.rs"], json!({ "unchanged": 6 })),
        ("no prompt at all", &["constant.rs"], json!(expected)),
        ("another prompt", &["prompt.rs"], json!({ "unknown": 6 })),
        ("another prompt, asked", &["prompt.rs", "--live"], json!({ "unchanged": 6 })),
        ("one that learns", &["learner.rs"], Value::Null),
    ];
    for (name, args, counts) in table {
        let found = replay(args);
        let examples = found["examples"].as_array().expect("examples");
        assert_eq!(examples.len(), 6, "{name}");
        if !counts.is_null() {
            assert_eq!(found["counts"], counts, "{name}");
        }
        let unrecorded = if name.starts_with("another") { 1 } else { 0 };
        for example in examples {
            let prompts = example["unrecorded"].as_array().expect("a list");
            assert_eq!(prompts.len(), unrecorded, "{name}");
            if let Some(prompt) = prompts.first() {
                let diff = prompt["diff"].as_str().expect("a diff");
                assert!(
                    diff.contains("-Reply with one label") && diff.contains("+Answer with one label"),
                    "{diff}"
                );
            }
            if name == "one that learns" {
                let gold = example["found"]["predicted_label"].as_str();
                assert!(gold.is_some_and(|gold| gold != "nothing"), "it has learned: {example}");
            }
        }
        let spent = if args.contains(&"--live") { json!(0.0) } else { Value::Null };
        assert_eq!(found["spent_usd"], spent, "{name}");
    }
    let shown = mmh_in(files.path(), run, &["replay", "RUN", "--iteration", "0", "--harness", "prompt.rs"]);
    insta::assert_snapshot!("replay_of_a_changed_prompt", masked(&stdout(&shown)));
}

/// Asked live, a real model is asked for what is not recorded and for nothing else, within a budget.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_replay_pays_for_nothing_else() {
    let server = Server::start(|_| Reply::new(200, REPLY)).await;
    let (folder, url) = (tempfile::tempdir().expect("a folder"), server.url.clone());
    let target =
        ["--target-base-url", &url, "--target-api", "anthropic", "--target-price", "1,5", "--no-cache"];
    let ended = |args: &[&str]| {
        let output = mmh_in(folder.path(), &folder.path().join("runs/a"), &[args, &target].concat());
        (output.status.code(), both(&output))
    };
    let run =
        ["run", "--iterations", "0", "--eval-size", "8", "--no-test", "--run-id", "a", "--target-model", "m"];
    let proposer = ["--proposer-model", "m", "--proposer-base-url", &url, "--proposer-price", "1,5"];
    let (code, said) = ended(&[&run[..], &proposer].concat());
    assert_eq!((code, server.journal().len()), (Some(0), 8), "{said}");
    // Another prompt for texts of even length.
    let plain = "\"Reply with one label and nothing else.\".into()";
    let changed =
        format!("if input.text.len() % 2 == 0 {{ \"One label, please.\".into() }} else {{ {plain} }}");
    assert!(baseline().contains(plain), "the baseline asks otherwise now");
    let source = baseline().replace(plain, &changed);
    fs::write(folder.path().join("half.rs"), source).expect("a file");
    let rows = rows(folder.path().join("runs/a/iterations/000/eval_trace.jsonl"));
    let even = rows.iter().filter(|row| row["input"].as_str().is_some_and(|it| it.len() % 2 == 0)).count();
    assert!((1..8).contains(&even), "{even}");
    let replay = ["replay", "RUN", "--iteration", "0", "--harness", "half.rs", "--live"];
    let (code, said) = ended(&replay);
    assert_eq!((code, server.journal().len()), (Some(0), 8 + even), "{said}");
    let spent = even as f64 * 320e-6;
    assert!(said.contains(&format!("asked for what was not recorded: {spent:.4} USD")), "{said}");
    // name, what is added, exit code, what is said; nothing is asked in any of them
    let table: [(&str, &[&str], i32, &str); 2] = [
        ("no money", &["--budget-usd", "0.000001"], 4, "the budget is spent"),
        ("another model", &["--target-model", "x"], 2, "the run's target has the model m, not x"),
    ];
    for (name, more, code, says) in table {
        let (found, said) = ended(&[&replay[..], more].concat());
        assert_eq!(found, Some(code), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
    assert_eq!(server.journal().len(), 8 + even);
    let output = mmh_in(folder.path(), &folder.path().join("runs/a"), &replay);
    assert_eq!(output.status.code(), Some(2), "a run's server is not asked unless it is named");
    assert!(both(&output).contains("--target-base-url"), "{}", both(&output));
}

/// 300 tokens in and 4 out, at 1 and 5 dollars per million.
const REPLY: &str = r#"{"content":[{"type":"text","text":"migraine"}],"stop_reason":"end_turn","usage":{"input_tokens":300,"output_tokens":4}}"#;

/// The engine that knows source lines is the same one otherwise: the same component takes the same fuel and
/// ends the same way. What is built with lines does, too, but for a trap that is told by its depth.
#[tokio::test(flavor = "multi_thread")]
async fn source_lines_change_nothing_else() {
    let limits = Limits { fuel: 50_000_000, example_wall_ms: 5_000, ..Limits::default() };
    let builder = builder(PROGRAM, limits.clone()).await;
    let task =
        Task { name: "t".into(), instructions: "Choose.".into(), labels: vec!["a".into(), "b".into()] };
    let mut compared = 0;
    for name in guests("run").iter().filter(|name| *name != "timeout.rs") {
        let source = guest(&format!("run/{name}"));
        let built = builder.build(&source).await.expect("the host can go on").expect("it builds");
        let (sandbox, lined) =
            builder.build_with_lines(&source).await.expect("the host can go on").expect("it builds");
        let again = builder.build(&source).await.expect("the host can go on").expect("it builds");
        assert_eq!(built.component.digest, again.component.digest, "{name}: kept apart");
        assert_ne!(built.component.digest, lined.component.digest, "{name}: it has lines");
        let plain = run_once(&builder.sandbox, &built.prepared, &task).await;
        let with_lines = run_once(&sandbox, &lined.prepared, &task).await;
        assert_eq!(plain.fuel, with_lines.fuel, "{name}");
        assert_eq!(
            plain.result.as_ref().map_err(|failure| failure.kind),
            with_lines.result.as_ref().map_err(|failure| failure.kind),
            "{name}"
        );
        assert!(plain.backtrace.is_empty(), "{name}: the scoring sandbox looks at no lines");
        compared += 1;
    }
    assert!(compared > 15);
    // Its settings do not depend on the environment, and native code of the two is told apart.
    let [plain, lined] = [engine::new(), engine::with_lines()].map(|engine| engine.expect("it starts"));
    assert_ne!(engine::fingerprint(&plain), engine::fingerprint(&lined));
}

async fn run_once(
    sandbox: &Arc<Sandbox>,
    harness: &mmh_engine::sandbox::Prepared,
    task: &Task,
) -> Report<String> {
    let setting = CallContext { task, state: &[], seed: Digest::of("seed"), model: Arc::new(Silent) };
    sandbox.predict(harness, setting, &"a text".into()).await
}

/// A model that has nothing to say.
struct Silent;

#[async_trait::async_trait]
impl mmh_engine::sandbox::ModelPort for Silent {
    async fn complete(
        &self,
        _: &Arc<mmh_record::chat::ChatRequest>,
        _: mmh_engine::sandbox::CallIndex,
        _: std::time::Duration,
    ) -> mmh_record::chat::CallOutcome {
        mmh_record::chat::CallOutcome::unasked(Ok(mmh_record::chat::ChatReply::default()))
    }
}

#[test]
fn components_are_described() {
    let (run, files) = (honest(PROGRAM), files());
    let output = mmh_in(files.path(), run, &["inspect", "small.wasm"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    insta::assert_snapshot!("inspect_of_a_small_component", stdout(&output));
    let output = mmh(run, &["inspect", "RUN", "--iteration", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let said = stdout(&output);
    for part in [
        "recorded in manifest.json, provenance.json, summary.json",
        "import mmh:harness/model@2.0.0;",
        "\n  use mmh:harness/types@2.0.0.{task, input, answer, feedback};\n",
        "export predict: func(task: task, state: list<u8>, input: input) -> result<answer, string>;",
        "its parent 000",
        "core module 0",
        "custom producers",
        "processed-by   rustc 1.",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    // The sections of the parts are within the parts, and nearly all of them.
    let found = json_of(&mmh(run, &["inspect", "RUN", "--iteration", "1", "--json"]));
    let bytes = fs::read(run.join("iterations/001/harness.wasm")).expect("read");
    assert_eq!(found["component"]["sha256"], json!(Digest::of(&bytes)));
    assert_eq!(
        (&found["component"]["bytes"], &found["run"]["is_recorded_digest"]),
        (&json!(bytes.len()), &json!(true))
    );
    for part in found["component"]["parts"].as_array().expect("parts").iter().skip(1) {
        let sum: u64 =
            part["sections"].as_array().into_iter().flatten().filter_map(|it| it["bytes"].as_u64()).sum();
        let whole = part["bytes"].as_u64().unwrap_or_default();
        assert!(sum < whole && whole - sum < 200, "{part}");
    }
}

/// What is imported and exported reads like WIT, whatever the types are; those of a hostile component, too.
#[test]
fn interfaces_are_told() {
    let nested = format!("{}u8{}", "(list ".repeat(40), ")".repeat(40));
    let nested = format!(r#"(component (import "f" (func (param "a" {nested}))))"#);
    let wide = |name: &str, of: &str| format!("(type ${name} (tuple {}))", of.repeat(64));
    let wide = [wide("a", "u8 "), wide("b", "$a "), wide("c", "$b ")].concat();
    let wide = format!(r#"(component {wide} (import "f" (func (param "a" $c))) (import "g" (func)))"#);
    // name, component, lines of its world
    let table: [(&str, &str, &[&str]); 9] = [
        ("nothing", "(component)", &[]),
        (
            "a function",
            r#"(component (import "f" (func (param "a" (list u8)) (param "b" (tuple string f64))
                (result (result (option char) (error string))))))"#,
            &["import f: func(a: list<u8>, b: tuple<string, f64>) -> result<option<char>, string>;"],
        ),
        (
            "results",
            r#"(component (import "f" (func (result (result)))) (import "g" (func (result (result u8))))
                (import "h" (func (result (result (error u8))))))"#,
            &[
                "import f: func() -> result;",
                "import g: func() -> result<u8>;",
                "import h: func() -> result<_, u8>;",
            ],
        ),
        (
            "types of the world",
            r#"(component
                (type $r (record (field "a" u8) (field "b" string))) (import "r" (type $own (eq $r)))
                (type $v (variant (case "x" u8) (case "y"))) (import "v" (type $v1 (eq $v)))
                (type $e (enum "x" "y")) (import "e" (type $e1 (eq $e)))
                (type $l (flags "p" "q")) (import "l" (type $l1 (eq $l)))
                (import "f" (func (param "x" $own) (param "y" $v1) (param "z" (list $e1)) (result $l1))))"#,
            &[
                "import f: func(x: r, y: v, z: list<e>) -> l;",
                "type r = record { a: u8, b: string };",
                "type v = variant { x(u8), y };",
                "type e = enum { x, y };",
                "type l = flags { p, q };",
            ],
        ),
        (
            "types of an interface",
            r#"(component
                (import "a:b/c@1.0.0" (instance $i
                    (type $e (enum "x")) (export "e" (type (eq $e)))
                    (type $o (enum "y")) (export "o" (type (eq $o)))))
                (alias export $i "e" (type $e)) (import "e" (type $e1 (eq $e)))
                (alias export $i "o" (type $o)) (import "other" (type $o1 (eq $o)))
                (import "f" (func (param "x" $e1) (result $o1))))"#,
            &["import a:b/c@1.0.0;", "import f: func(x: e) -> other;", "use a:b/c@1.0.0.{e, o as other};"],
        ),
        (
            "an interface without a name, with a resource",
            r#"(component (import "files" (instance
                (export "file" (type $f (sub resource)))
                (export "[method]file.read" (func (param "self" (borrow $f)) (result (list u8))))
                (export "open" (func (result (own $f)))))))"#,
            &[
                "import files: interface {",
                "resource file;",
                "[method]file.read: func(self: borrow<file>) -> list<u8>;",
                "open: func() -> file;",
                "}",
            ],
        ),
        (
            "imports and exports",
            r#"(component (import "f" (func $f)) (export "g" (func $f)))"#,
            &["import f: func();", "export g: func();"],
        ),
        ("types within types", &nested, &["import f: func(a: DEEP);"]),
        ("a type without an end", &wide, &["WIDE", "... more than is told here"]),
    ];
    for (name, component, expected) in table {
        let bytes = wat::parse_str(component).unwrap_or_else(|error| panic!("{name}: {error}"));
        let wit = component::inspect(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")).wit;
        assert!(wit.len() < 300 << 10, "{name}: {} bytes", wit.len());
        let inner = wit.strip_prefix("package root:component;\n\nworld root {\n");
        let inner = inner.and_then(|it| it.strip_suffix("}\n")).unwrap_or_else(|| panic!("{name}: {wit}"));
        let lines = inner.lines().map(str::trim).filter(|line| !line.is_empty());
        let shortened = lines.map(|line| match line {
            line if line.starts_with("import f: func(a: tuple<tuple<tuple<u8, u8, ") => "WIDE".to_owned(),
            line => line.replace(&format!("{}...{}", "list<".repeat(16), ">".repeat(16)), "DEEP"),
        });
        assert_eq!(shortened.collect::<Vec<_>>(), expected, "{name}");
    }
}

/// Another binary than the recorded one is a finding, whatever it imports.
#[test]
fn a_swapped_component_is_seen() {
    let (_folder, run) = copied(PROGRAM);
    fs::copy(run.join("iterations/000/harness.wasm"), run.join("iterations/001/harness.wasm"))
        .expect("copied");
    let output = mmh(&run, &["inspect", "RUN", "--iteration", "1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("NOT the digest in manifest.json"), "{}", stdout(&output));
}

/// Damage of any kind is an error or another component, never a panic.
#[test]
fn damaged_components_are_refused_or_read() {
    let good = fs::read(honest(PROGRAM).join("iterations/000/harness.wasm")).expect("read");
    assert!(component::inspect(&good).is_ok());
    let mut refused = 0;
    for at in (0..good.len()).step_by(good.len() / 150) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        refused += usize::from(component::inspect(&bad).is_err());
        refused += usize::from(component::inspect(&good[..at]).is_err());
    }
    assert!(refused > 150, "{refused}");
}

#[test]
fn two_iterations_are_compared() {
    let run = honest(PROGRAM);
    let found = json_of(&mmh(run, &["diff", "RUN", "0", "1", "--json"]));
    let of = |iteration: &str| -> BTreeMap<String, Value> {
        let rows = rows(run.join(format!("iterations/{iteration}/eval_trace.jsonl")));
        rows.into_iter().map(|row| (row["example_id"].as_str().expect("an id").to_owned(), row)).collect()
    };
    let (before, after) = (of("000"), of("001"));
    let ids = |was: bool, is: bool| -> Vec<&String> {
        let wanted = before
            .iter()
            .filter(|(id, row)| row["correct"] == json!(was) && after[*id]["correct"] == json!(is));
        wanted.map(|(id, _)| id).collect()
    };
    for (field, was, is) in [("fixed", false, true), ("broken", true, false)] {
        let listed: Vec<&str> = found["examples"][field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["id"].as_str())
            .collect();
        assert_eq!(listed, ids(was, is), "{field}");
    }
    let score: Value =
        serde_json::from_slice(&fs::read(run.join("iterations/001/score.json")).expect("read"))
            .expect("JSON");
    for (here, there) in [
        ("accuracy", "accuracy"),
        ("prompt_bytes", "mean_prompt_bytes"),
        ("interval", "interval"),
        ("input_tokens", "total_input_tokens"),
    ] {
        assert_eq!(found["after"]["score"][here], score[there], "{here}");
    }
    assert_eq!(found["imports"], json!({ "added": [], "removed": [] }));
    assert!(
        found["source"]
            .as_str()
            .is_some_and(|it| it.starts_with("--- 000/harness.rs\n+++ 001/harness.rs\n@@ "))
    );
    let shown = stdout(&mmh(run, &["diff", "RUN", "0", "1"]));
    assert!(!shown.contains('\u{1b}'), "no colour but in a terminal");
    let (_, end) = shown.split_once("\nimports: ").expect("there is more than the source");
    insta::assert_snapshot!("diff_of_two_iterations", masked(end));
    let same = stdout(&mmh(run, &["diff", "RUN", "1", "1"]));
    assert!(same.starts_with("the sources are the same\nimports: the same\n"), "{same}");
    let held_out = json_of(&mmh(run, &["diff", "RUN", "0", "1", "--split", "test", "--json"]));
    assert_eq!((&held_out["split"], &held_out["examples"]["shared"]), (&json!("test"), &json!(220)));
}

/// An exported harness is complete, is checked, gives away no rows, and does again what it did.
#[test]
fn an_exported_harness_is_of_use() {
    let (run, folder) = (honest(PROGRAM), tempfile::tempdir().expect("a folder"));
    let output = mmh_in(folder.path(), run, &["export", "RUN", "-o", "deep/er"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let out = folder.path().join("deep/er");
    let mut names: Vec<String> = fs::read_dir(&out)
        .expect("a folder")
        .map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "README.md",
            "harness.rs",
            "harness.wasm",
            "held-out-score.json",
            "held-out-test-result.json",
            "provenance.json",
            "run.json",
            "score.json",
            "task.json",
            "test-result.json"
        ]
    );
    let dataset = dataset::load(dataset::BUILTIN, 0).expect("it is built in");
    for name in names.iter().filter(|name| !name.starts_with("harness.")) {
        let text = fs::read_to_string(out.join(name)).expect("text");
        let rows = dataset.train.iter().chain(&dataset.val).chain(&dataset.test);
        assert!(rows.into_iter().all(|row| !text.contains(&row.input.text)), "{name} holds a row");
    }
    let readme = fs::read_to_string(out.join("README.md")).expect("text");
    for name in names.iter().filter(|name| *name != "README.md") {
        let digest = Digest::of(fs::read(out.join(name)).expect("read")).to_string();
        assert!(readme.contains(&format!("| {name} | `{digest}` |")), "{name}: {readme}");
    }
    // The command in it, as it stands, gives the recorded score.
    let command = readme.lines().find_map(|line| line.strip_prefix("mmh eval ")).expect("a command");
    let args: Vec<&str> = ["eval"].into_iter().chain(command.split(' ')).chain(["--json"]).collect();
    let found = json_of(&mmh_in(&out, run, &args));
    let score: Value =
        serde_json::from_slice(&fs::read(out.join("score.json")).expect("read")).expect("JSON");
    for field in ["accuracy", "n_correct", "total_fuel", "state_digest"] {
        assert_eq!(found["score"][field], score[field], "{field}");
    }
    insta::assert_snapshot!("readme_of_an_export", masked(&readme));
    // Into an empty folder too; never over something.
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for (to, code) in [("empty", 0), ("empty", 2)] {
        let output = mmh_in(folder.path(), run, &["export", "RUN", "--iteration", "2", "-o", to]);
        assert_eq!(output.status.code(), Some(code), "{}", both(&output));
    }
    assert!(!folder.path().join("empty/held-out-score.json").exists(), "002 was not held out");
}

/// The linkers are named, digested, and part of what has to be the same.
#[test]
fn linkers_are_part_of_the_record() {
    let (_folder, run) = copied(PROGRAM);
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs::read(run.join(file)).expect("read")).expect("JSON")
    };
    let linker = read("config.json")["toolchain"]["linker"].clone();
    let names: Vec<&str> =
        linker.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["wasm-component-ld", "rust-lld"]);
    let dependencies =
        read("iterations/000/provenance.json")["predicate"]["buildDefinition"]["resolvedDependencies"]
            .clone();
    for tool in linker.as_array().expect("a list") {
        assert!(
            tool["version"].as_str().is_some_and(|it| it.contains(|it: char| it.is_ascii_digit())),
            "{tool}"
        );
        let listed = dependencies.as_array().into_iter().flatten().find(|it| it["name"] == tool["name"]);
        assert_eq!(listed.map(|it| &it["digest"]["sha256"]), Some(&tool["sha256"]), "{tool}");
    }
    // A run from before they were recorded, and one by another linker: told from tampering.
    for (name, change) in [
        ("not recorded", &(|_: &mut Value| {}) as &dyn Fn(&mut Value)),
        ("another", &|config: &mut Value| {
            config["toolchain"]["linker"] = linker.clone();
            config["toolchain"]["linker"][1]["sha256"] = json!(Digest::of("another linker"));
        }),
    ] {
        let forget = |config: &mut Value| {
            config["toolchain"].as_object_mut().expect("an object").remove("linker");
            change(config);
        };
        let mut config = read("config.json");
        forget(&mut config);
        let mut summary = read("summary.json");
        forget(&mut summary["config"]);
        fs::write(run.join("config.json"), config.to_string()).expect("written");
        fs::write(run.join("summary.json"), summary.to_string()).expect("written");
        reseal(&run);
        let found = json_of(&mmh(&run, &["verify", "RUN", "--json", "--iteration", "0"]));
        assert_eq!(found["checked"][1]["rebuilt"], "other-tools", "{name}: {found:#}");
        let differs = found["differs"][0]["file"].as_str().unwrap_or_default();
        assert!(differs.starts_with("linker"), "{name}: {found:#}");
    }
}

/// The cache folder is cleared of what nobody needs, and of nothing that somebody uses.
#[test]
fn the_cache_is_cleared() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cache");
    let key = Digest::of("x").to_string();
    let made = |source: &str, rustc: &str| {
        json!({ "externs": [], "files": [], "made_for": { "source": Digest::of(source), "rustc": rustc, "version": "1" } }).to_string()
    };
    let gone = Digest::of("gone").to_string();
    for (name, text) in [
        (format!("components/{key}.wasm"), "12345".to_owned()),
        (format!("native/{key}.cwasm"), "no native code".into()),
        (format!("sdk/{gone}/manifest.json"), made("another version", "/nowhere/rustc")),
        (format!("sdk/{key}/manifest.json"), json!({ "externs": [], "files": [] }).to_string()),
        ("replies/replies.sqlite".into(), "paid for".into()),
        ("papers/thesis.txt".into(), "not ours".into()),
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let gc = |more: &[&str]| {
        let place = root.display().to_string();
        let output =
            mmh_in(folder.path(), folder.path(), &[&["gc", "--json", "--cache-dir", &place], more].concat());
        let found = json_of(&output);
        let removed = found["result"]["kinds"].as_array().into_iter().flatten();
        let removed: BTreeMap<String, u64> = removed
            .filter_map(|it| {
                Some((it["kind"].as_str()?.to_owned(), it["removed"].as_u64().filter(|it| *it > 0)?))
            })
            .collect();
        (output.status.code(), json!(removed))
    };
    // What cannot be used by this program: native code that does not load, an SDK of another version.
    let useless = json!({ "native": 1, "sdk": 1 });
    assert_eq!(gc(&["--dry-run"]), (Some(0), useless.clone()));
    let user = Cache::new(root.clone());
    user.hold();
    assert_eq!(gc(&["--all", "--replies"]), (Some(3), json!({})), "somebody uses it");
    drop(user);
    assert_eq!(gc(&[]), (Some(0), useless));
    assert_eq!(gc(&[]), (Some(0), json!({})));
    assert!(
        root.join(format!("sdk/{key}")).exists(),
        "it cannot be told who made it: it is kept until it is old"
    );
    assert_eq!(gc(&["--all"]), (Some(0), json!({ "components": 1, "sdk": 1 })));
    assert_eq!(gc(&["--replies"]), (Some(0), json!({ "replies": 1 })));
    assert!(root.join("papers/thesis.txt").exists());
    // The cache that is in use here: what was just built for this compiler stays.
    let place = cache_dir().display().to_string();
    let found = json_of(&mmh(folder.path(), &["gc", "--json", "--dry-run", "--cache-dir", &place]));
    let sdk = found["result"]["kinds"].as_array().into_iter().flatten().find(|it| it["kind"] == "sdk");
    let (entries, removed) = (sdk.map(|it| it["entries"].as_u64()), sdk.map(|it| it["removed"].as_u64()));
    assert!(entries > removed, "{found:#}");
}

/// Cleared again and again while somebody works in it, a cache loses nothing that is needed.
#[test]
fn a_cache_at_work_is_not_disturbed() {
    let folder = tempfile::tempdir().expect("a folder");
    honest(PROGRAM); // so that there is an SDK to copy
    let cache = folder.path().join("cache");
    copy(&cache_dir().join("sdk"), &cache.join("sdk"));
    fs::create_dir_all(cache.join("scratch/job-left")).expect("a folder");
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::open(cache.join("scratch/job-left")).and_then(|it| it.set_modified(old)).expect("it is old");
    let mut run = Command::new(PROGRAM);
    run.args(["run", "--mock", "--iterations", "1", "--eval-size", "4", "--run-id", "a"]);
    run.current_dir(folder.path()).env("MMH_CACHE_DIR", &cache).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().expect("it starts");
    // From the moment when the run holds the folder on.
    let is_held = || {
        let lock = fs::File::open(cache.join("in-use.lock"));
        lock.is_ok_and(|lock| {
            lock.try_lock_shared().is_ok() && lock.unlock().is_ok() && lock.try_lock().is_err()
        })
    };
    while !is_held() {
        assert!(run.try_wait().expect("it can be asked").is_none(), "it has ended before");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut cleared = 0;
    loop {
        let place = cache.display().to_string();
        let output = mmh(folder.path(), &["gc", "--all", "--replies", "--cache-dir", &place]);
        if output.status.success() {
            // The run has let go of the folder: all that it still does is to end, and well.
            break;
        }
        assert_eq!(output.status.code(), Some(3), "{}", both(&output));
        cleared += 1;
    }
    let ended = run.wait().expect("it ends");
    assert!(ended.success() && cleared > 0, "{ended}, {cleared}");
    assert!(!cache.join("scratch/job-left").exists(), "what was left behind goes all the same");
}

/// What is in the manifests of a run is what is exported: the test's own check of its fixture.
#[test]
fn the_fixture_is_sealed() {
    let run = honest(PROGRAM);
    let bytes = fs::read(run.join("iterations/001/manifest.json")).expect("read");
    let manifest = Manifest::parse(&bytes).expect("a manifest");
    let component = fs::read(run.join("iterations/001/harness.wasm")).expect("read");
    assert_eq!(manifest.files["harness.wasm"].sha256, Digest::of(component));
}
