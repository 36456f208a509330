//! The whole program: a mock search from the command line, its run folder, and that it repeats.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mmh_tests::cache_dir;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_RUSTC");
    command.output().expect("the program starts")
}

fn search(folder: &Path, id: &str, more: &[&str]) -> PathBuf {
    let mut args = vec!["run", "--mock", "--iterations", "3", "--run-id", id];
    args.extend(["--fixed-clock", "2026-01-01T00:00:00Z"]);
    args.extend(more);
    let output = mmh(folder, &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("runs").join(id)
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").display().to_string();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn accuracies(summary: &Value) -> Vec<f64> {
    let rows = summary["iterations"].as_array().expect("iterations");
    rows.iter().map(|row| row["score"]["accuracy"].as_f64().expect("an accuracy")).collect()
}

/// A search finds something better, tries something worse, and mends a source that does not compile.
#[test]
fn a_mock_search_improves_the_harness() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = search(folder.path(), "a", &[]);
    let summary = json(&run.join("summary.json"));
    let found = accuracies(&summary);
    assert_eq!(found.len(), 4, "every iteration is scored: {summary:#}");
    let best = summary["best_iteration_index"].as_u64().expect("a best iteration") as usize;
    assert!(found[best] >= found[0] + 0.05, "the best is better than the baseline: {found:?}");
    assert!(found[1..].iter().any(|accuracy| *accuracy < found[0]), "one idea makes things worse: {found:?}");
    let refused = (1..=3).flat_map(|index| lines(&run.join(format!("iterations/{index:03}/proposer.jsonl"))));
    let refused = refused.filter(|row| row.to_string().contains("did-not-compile")).count();
    assert!(refused >= 1, "a source that does not compile came back with its diagnostics");
    let test = summary["test"].as_array().expect("held-out scores");
    assert_eq!(test.len(), 2);
}

/// The files and field names that others rely on.
#[test]
fn a_run_folder_holds_what_it_promises() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = search(folder.path(), "a", &["--eval-size", "12", "--no-test"]);
    let table: [(&str, &[&str]); 5] = [
        (
            "config.json",
            &[
                "run_id",
                "iterations",
                "dataset",
                "eval_split_size",
                "proposer_model",
                "target_model",
                "mock",
                "started_at",
                "schema_version",
                "seed",
                "limits",
                "prices",
                "dataset_digest",
                "toolchain",
                "sdk_digest",
                "wit",
                "host_version",
            ],
        ),
        (
            "cost.json",
            &[
                "proposer_input_tokens",
                "proposer_output_tokens",
                "target_input_tokens",
                "target_output_tokens",
                "estimated_usd",
                "proposer_cache_read_tokens",
                "target_cache_read_tokens",
                "budget_usd",
                "iterations",
            ],
        ),
        (
            "summary.json",
            &["config", "iterations", "unscored", "total_cost", "best_iteration_index", "finished_at"],
        ),
        (
            "iterations/000/score.json",
            &[
                "accuracy",
                "n_examples",
                "n_correct",
                "n_errors",
                "mean_latency_ms",
                "total_input_tokens",
                "total_output_tokens",
                "interval",
                "total_fuel",
                "mean_prompt_bytes",
                "outcomes",
            ],
        ),
        ("iterations/001/provenance.json", &["_type", "subject", "predicateType", "predicate"]),
    ];
    for (file, keys) in table {
        let found = json(&run.join(file));
        for key in keys {
            assert!(found.get(key).is_some(), "{file} has no {key}");
        }
    }
    let rows = lines(&run.join("iterations/001/eval_trace.jsonl"));
    assert_eq!(rows.len(), 12);
    for key in [
        "example_id",
        "input",
        "gold_label",
        "predicted_label",
        "correct",
        "latency_ms",
        "input_tokens",
        "output_tokens",
        "error",
        "error_kind",
        "fuel",
        "peak_memory_bytes",
        "model_calls",
        "logs",
    ] {
        assert!(rows[0].get(key).is_some(), "eval_trace.jsonl has no {key}");
    }
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["example_id"].as_str()).collect();
    assert!(ids.is_sorted(), "in the order of the examples: {ids:?}");
    let reads = lines(&run.join("iterations/001/filesystem_reads.jsonl"));
    assert!(
        reads
            .iter()
            .all(|row| row["path"].is_string() && row["bytes_read"].is_u64() && row["at"].is_string())
    );
    for file in ["harness.rs", "harness.wasm", "reasoning.md", "model_calls.jsonl", "proposer.jsonl"] {
        assert!(run.join("iterations/001").join(file).is_file(), "{file}");
    }
    let iteration = &json(&run.join("summary.json"))["iterations"][1];
    for key in [
        "index",
        "harness_code",
        "reasoning",
        "filesystem_reads",
        "score",
        "cost",
        "started_at",
        "finished_at",
    ] {
        assert!(iteration.get(key).is_some(), "summary.json's iterations have no {key}");
    }
    simulated_is_said(&run);
}

/// What mock mode writes says that it is simulated.
fn simulated_is_said(run: &Path) {
    for file in ["config.json", "cost.json", "iterations/001/score.json"] {
        assert_eq!(json(&run.join(file))["mock"], true, "{file}");
    }
    for file in ["eval_trace.jsonl", "model_calls.jsonl", "learn_trace.jsonl"] {
        let rows = lines(&run.join("iterations/001").join(file));
        assert!(rows.iter().all(|row| row["model"] == "simulated-target"), "{file}");
    }
    let start = &lines(&run.join("iterations/001/proposer.jsonl"))[0];
    assert_eq!((&start["mock"], &start["model"]), (&Value::from(true), &Value::from("simulated-proposer")));
    let reasoning = fs::read_to_string(run.join("iterations/001/reasoning.md")).expect("reasoning");
    assert!(reasoning.contains("simulated"), "{reasoning}");
}

/// One seed, one result: with the clock fixed, every byte of every file.
#[test]
fn two_runs_with_one_seed_are_identical() {
    let (left, right) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let few = ["--eval-size", "30", "--seed", "5"];
    let first = contents(&search(left.path(), "same", &few));
    let second = contents(&search(right.path(), "same", &few));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(second[name] == *bytes, "{name} differs");
    }
}

/// How many examples run at once changes nothing but the number itself.
#[test]
fn concurrency_does_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let one =
        contents(&search(folder.path(), "one", &["--eval-size", "20", "--no-test", "--concurrency", "1"]));
    let many =
        contents(&search(folder.path(), "many", &["--eval-size", "20", "--no-test", "--concurrency", "64"]));
    let names = [
        "eval_trace.jsonl",
        "model_calls.jsonl",
        "score.json",
        "harness.rs",
        "harness.wasm",
        "learn_trace.jsonl",
    ];
    for (name, bytes) in one.iter().filter(|(name, _)| names.iter().any(|file| name.ends_with(file))) {
        assert!(many[name] == *bytes, "{name} differs");
    }
}

/// The simulated proposer was not written for this one, either.
#[test]
fn another_data_set_improves_too() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("tickets.csv"), tickets()).expect("a file");
    let run = search(folder.path(), "a", &["--dataset", "tickets.csv"]);
    let summary = json(&run.join("summary.json"));
    let found = accuracies(&summary);
    let best = found.iter().copied().fold(0.0, f64::max);
    assert!(best >= found[0] + 0.05, "{found:?}");
}

/// Support tickets by the team that handles them. The teams' names say nothing about the words.
fn tickets() -> String {
    let rows = include_str!("../data/tickets.csv");
    rows.to_owned()
}

#[test]
fn summary_and_cost_read_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = search(folder.path(), "a", &["--eval-size", "10", "--no-test"]).display().to_string();
    for (args, says) in [
        (vec!["summary", &run], "SIMULATED models"),
        (vec!["cost", &run], "SIMULATED models"),
        (vec!["summary", &run, "--json"], "\"best_iteration_index\""),
        (vec!["cost", &run, "--json"], "\"proposer_input_tokens\""),
    ] {
        let output = mmh(folder.path(), &args);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains(says), "{args:?}: {shown}");
        assert!(!shown.contains('\u{1b}'), "{args:?}: no colours where there is no terminal");
    }
}
