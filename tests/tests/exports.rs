//! What `mmh export` writes opens in the programs that it is for: Inspect, pandas, CycloneDX.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use mmh_tests::{
    cache_dir,
    python::{done, python},
    root, runs,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn mmh(args: &[&str], run: &Path, to: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("export").arg(run).args(args).arg("-o").arg(to).env("MMH_CACHE_DIR", cache_dir());
    command.output().expect("the program starts")
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn exported(args: &[&str], run: &Path, to: &Path) {
    let output = mmh(args, run, to);
    assert!(output.status.success(), "{args:?}: {}", both(&output));
}

/// What a script of `tests/exports` prints of files, a JSON value a line.
fn read(script: &str, files: &[&Path]) -> Vec<Value> {
    let folder = root().join("tests/exports");
    let python = python(&folder.join("requirements.txt"));
    let said = done(Command::new(python).arg(folder.join(script)).args(files));
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {said}")))
        .collect()
}

fn summary(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("summary.json")).expect("a summary")).expect("JSON")
}

#[test]
fn inspect_reads_the_logs() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (honest, paid) = (runs::honest(PROGRAM), runs::paid(PROGRAM));
    let trials = runs::once(
        PROGRAM,
        &["--mock", "--iterations", "0", "--eval-size", "4", "--trials", "3", "--no-test"],
    );
    exported(&["--format", "inspect", "--iteration", "1"], honest, &at("a.eval"));
    exported(&["--format", "inspect", "--iteration", "1"], honest, &at("a.json"));
    exported(&["--format", "inspect", "--held-out"], honest, &at("held-out.eval"));
    exported(&["--format", "inspect"], paid, &at("paid.eval"));
    exported(&["--format", "inspect"], trials, &at("trials.eval"));
    exported(&["--format", "inspect"], honest, &at("all"));
    let all = fs::read_dir(at("all")).expect("a folder").count();
    assert_eq!(all, 4 + 2, "a log for each evaluation");

    let files = ["a.eval", "a.json", "held-out.eval", "paid.eval", "trials.eval", "all/000-val.eval"].map(at);
    let logs = read("inspect_log.py", &files.each_ref().map(|it| it.as_path()));
    assert_eq!(logs[0], logs[1], "both forms say the same");
    let accuracy = |run: &Path, index: usize| summary(run)["iterations"][index]["score"]["accuracy"].clone();
    let expected = [
        (0, 6, accuracy(honest, 1)),
        (2, 220, summary(honest)["test"][0]["score"]["accuracy"].clone()),
        (3, 6, accuracy(paid, 0)),
        (4, 12, accuracy(trials, 0)),
        (5, 6, accuracy(honest, 0)),
    ];
    for (at, samples, accuracy) in expected {
        assert_eq!(logs[at]["samples"], samples, "{:#}", logs[at]);
        assert!(at == 2 || logs[at]["headline"][1] == accuracy, "{at}: {accuracy} {:#}", logs[at]);
    }
    assert_eq!(logs[4]["epochs"], 3);
    // The harness of the paid run asks twice an example; the last reply ends its conversation.
    assert_eq!((&logs[3]["events"], &logs[3]["messages"]), (&Value::from(12), &Value::from(12)));
    assert_eq!((&logs[3]["texts"], &logs[3]["tokens"]), (&Value::from("migraine"), &Value::from(12 * 304)));
    assert_eq!(logs[0]["tags"], serde_json::json!(["simulated", "val"]));
}

#[test]
fn pandas_reads_the_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let (honest, tables) = (runs::honest(PROGRAM), folder.path().join("tables"));
    exported(&["--format", "csv"], honest, &tables);
    let found = read("frames.py", &[&tables]).remove(0);
    let scores: Vec<Value> = summary(honest)["iterations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| it["score"]["accuracy"].clone())
        .collect();
    assert_eq!(found["scores"], Value::Array(scores));
    assert_eq!(found["examples"], 4 * 6 + 2 * 220);
    assert_eq!(found["tokens"], found["tokens_of_calls"]);
    let text = fs::read_to_string(tables.join("examples.csv")).expect("a table");
    assert!(text.lines().count() > 400 && text.ends_with("\r\n"));
}

/// Texts that a spreadsheet would run, with commas, quotes and line ends in them.
#[test]
fn texts_come_through_and_formulas_do_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let texts = ["=HYPERLINK(\"http://x\",1)", "+1", "-2, \"two\"\nlines", "@SUM(A1)", "plain", "a = b"];
    let labels = ["a", "b"].into_iter().cycle();
    let rows = texts
        .iter()
        .zip(labels)
        .map(|(text, label)| serde_json::json!({ "text": text, "label": label }).to_string() + "\n");
    fs::create_dir(at("data")).expect("a folder");
    for split in ["train", "val", "test"] {
        let rows: String =
            rows.clone().map(|row| row.replace("}", &format!(",\"split\":\"{split}\"}}"))).collect();
        fs::write(at("data").join(format!("{split}.jsonl")), rows).expect("written");
    }
    let args = ["--mock", "--iterations", "0", "--no-test", "--dataset", "data"];
    let output = runs::command(PROGRAM, folder.path(), &args).output().expect("the program starts");
    assert!(output.status.success(), "{}", both(&output));
    let run = at("runs/a");
    for (options, name, guard) in [(&[][..], "guarded", "'"), (&["--exact-cells"], "exact", "")] {
        let output = mmh(&[&["--format", "csv"], options].concat(), &run, &at(name));
        assert!(both(&output).contains("4 texts begin like a formula"), "{name}: {}", both(&output));
        let mut expected: Vec<String> = texts
            .iter()
            .map(|text| {
                if text.starts_with(['=', '+', '-', '@']) {
                    format!("{guard}{text}")
                } else {
                    (*text).to_owned()
                }
            })
            .collect();
        expected.sort_unstable();
        assert_eq!(read("frames.py", &[&at(name)])[0]["inputs"], serde_json::json!(expected), "{name}");
    }
    exported(&["--format", "inspect"], &run, &at("a.json"));
    assert_eq!(read("inspect_log.py", &[&at("a.json")])[0]["samples"], 6);
}

#[test]
fn cyclonedx_takes_the_bill() {
    let folder = tempfile::tempdir().expect("a folder");
    let bill = folder.path().join("bill.json");
    exported(&["--format", "cyclonedx"], runs::honest(PROGRAM), &bill);
    let found = read("bill.py", &[&bill]).remove(0);
    let lock = fs::read_to_string(root().join("guest-sdk/sdk.lock")).expect("the lock file");
    let crates = lock.matches("[[package]]").count();
    assert_eq!(found["libraries"].as_array().map(Vec::len), Some(crates), "{found:#}");
    assert_eq!(found["with_checksum"], lock.matches("\nchecksum = ").count());
    assert!(found["tools"].to_string().contains("rustc"), "{found:#}");
    // The same component always has the same bill.
    let again = folder.path().join("again.json");
    exported(&["--format", "cyclonedx"], runs::honest(PROGRAM), &again);
    assert_eq!(fs::read(&bill).expect("a bill"), fs::read(&again).expect("a bill"));
}

/// The published search with a real model opens in all of them.
#[test]
fn the_published_run_opens_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let run = runs::published();
    exported(&["--format", "inspect", "--iteration", "5"], run, &at("best.eval"));
    exported(&["--format", "inspect", "--iteration", "5", "--held-out"], run, &at("held-out.eval"));
    let files = ["best.eval", "held-out.eval"].map(at);
    let logs = read("inspect_log.py", &files.each_ref().map(|it| it.as_path()));
    let score = |part: &Value| part["score"]["accuracy"].clone();
    let summary = summary(run);
    let held_out = summary["test"].as_array().into_iter().flatten().find(|it| it["index"] == 5);
    for (log, samples, accuracy) in [
        (&logs[0], 50, score(&summary["iterations"][5])),
        (&logs[1], 220, held_out.map(score).unwrap_or_default()),
    ] {
        assert_eq!((&log["samples"], &log["headline"][1]), (&Value::from(samples), &accuracy), "{log:#}");
    }
    exported(&["--format", "csv"], run, &at("tables"));
    let tables = read("frames.py", &[&at("tables")]).remove(0);
    assert_eq!(tables["examples"], 7 * 50 + 2 * 220);
    assert_eq!(tables["tokens"], tables["tokens_of_calls"]);
    exported(&["--format", "cyclonedx"], run, &at("bill.json"));
    assert!(read("bill.py", &[&at("bill.json")])[0]["tools"].to_string().contains("rustc"));
}

#[test]
fn what_cannot_be_exported_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("full")).expect("a folder");
    fs::write(folder.path().join("full/file"), "").expect("written");
    let table = [
        (
            "no such iteration",
            &["--format", "csv", "--iteration", "9"][..],
            "t",
            "iteration 9 was not evaluated",
        ),
        (
            "no held-out score",
            &["--format", "inspect", "--held-out", "--iteration", "2"],
            "a.eval",
            "no held-out score",
        ),
        (
            "held out, of a folder",
            &["--format", "inspect", "--held-out"],
            "logs",
            "--held-out is for one log",
        ),
        (
            "held out, of tables",
            &["--format", "csv", "--held-out"],
            "t",
            "--held-out does not go with this --format",
        ),
        (
            "exact cells of a log",
            &["--format", "inspect", "--exact-cells"],
            "a.eval",
            "--exact-cells does not go",
        ),
        ("a folder that is not empty", &["--format", "csv"], "full", "is not empty"),
        (
            "a bill without a score",
            &["--format", "cyclonedx", "--iteration", "9"],
            "b.json",
            "iteration 9 was not scored",
        ),
    ];
    for (name, args, to, says) in table {
        let output = mmh(args, runs::honest(PROGRAM), &folder.path().join(to));
        assert_eq!(output.status.code(), Some(2), "{name}: {}", both(&output));
        assert!(both(&output).contains(says), "{name}: {}", both(&output));
    }
}
