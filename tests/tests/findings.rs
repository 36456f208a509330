//! What a run says of its data: findings are told when it is loaded, recorded, and shown beside the scores. And a data set
//! is known by its content: a run goes on, and holds, with a file that has another name now.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use mmh_tests::{cache_dir, copy_folder, environment, files_below, made::MadeRun};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const SEARCH: [&str; 9] = [
    "run",
    "--mock",
    "--iterations",
    "1",
    "--run-id",
    "a",
    "--fixed-clock",
    "2026-01-01T00:00:00Z",
    "--dataset",
];
const HELD_OUT: &str = "1 text of test also stands in val: test-0002";
const TWICE: &str = "1 example of train repeats text and label of another one: train-0040";

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).env("COLUMNS", "200").stdin(Stdio::null());
    command.output().expect("the program starts")
}

/// What a command prints, errors last.
fn said(folder: &Path, args: &[&str]) -> String {
    let output = mmh(folder, args);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON")
}

/// The rows of the tickets as lines of CSV: label, then text.
fn tickets() -> Vec<&'static str> {
    include_str!("../data/tickets.csv").lines().skip(1).collect()
}

/// A folder whose held-out rows have one of `val`, and whose training rows have one twice.
fn data(root: &Path) {
    let rows = tickets();
    let part = |start: usize| rows.iter().skip(start).step_by(4).copied().collect::<Vec<_>>();
    let (mut train, val, mut test) = ([part(0), part(1)].concat(), part(2), part(3));
    train.push(train[3]);
    test[2] = val[5];
    fs::create_dir_all(root.join("data")).expect("a folder");
    for (name, rows) in [("train", train), ("val", val), ("test", test)] {
        fs::write(root.join(format!("data/{name}.csv")), format!("label,text\n{}\n", rows.join("\n")))
            .expect("a file");
    }
}

#[test]
fn findings_are_told_recorded_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    data(root);
    let search = said(root, &[&SEARCH[..], &["data"]].concat());
    let finding = |kind: &str, splits: Value, line: &str| {
        let (text, id) = line.split_once(": ").expect("an id");
        json!({ "kind": kind, "splits": splits, "count": 1, "ids": [id], "text": text })
    };
    let expected = json!([
        finding("overlap", json!(["val", "test"]), HELD_OUT),
        finding("duplicates", json!(["train"]), TWICE)
    ]);
    assert_eq!(json_of(&root.join("runs/a/config.json"))["task"]["findings"], expected);
    let evaluated: Value = {
        let output = mmh(
            root,
            &["eval", "runs/a/iterations/000/harness.wasm", "--mock", "--json", "--dataset", "data"],
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    assert_eq!(evaluated["data_findings"], expected);
    let summary: Value = serde_json::from_str(&said(root, &["summary", "runs/a", "--json"])).expect("JSON");
    assert_eq!(summary["config"]["task"]["findings"], expected);
    let shown = [
        ("the search", search),
        ("the summary", said(root, &["summary", "runs/a"])),
        ("Markdown", said(root, &["summary", "runs/a", "--markdown"])),
        (
            "an evaluation",
            said(root, &["eval", "runs/a/iterations/000/harness.wasm", "--mock", "--dataset", "data"]),
        ),
        (
            "a dry run",
            said(
                root,
                &[
                    "run",
                    "--dry-run",
                    "--dataset",
                    "data",
                    "--target-price",
                    "1,1",
                    "--proposer-price",
                    "1,1",
                ],
            ),
        ),
    ];
    for (name, shown) in shown {
        for line in [HELD_OUT, TWICE] {
            assert!(shown.contains(line), "{name}: {line} is missing in {shown}");
        }
        assert_eq!(
            shown.contains("the held-out score below counts texts that the search has seen"),
            ["the search", "the summary", "Markdown"].contains(&name),
            "{name}: {shown}"
        );
    }
}

/// What the summary says of the held-out score depends on what is known of the data.
#[test]
fn nothing_is_claimed_that_is_not_known() {
    let overlap = |first: &str, second: &str| json!([{ "kind": "overlap", "splits": [first, second], "count": 3, "ids": ["x"], "text": "3 texts stand twice" }]);
    let table = [
        ("nothing was found", json!([]), "; the held-out score below is not\n"),
        (
            "test texts in val",
            overlap("val", "test"),
            "; the held-out score below counts texts that the search has seen\n",
        ),
        ("val texts in train", overlap("train", "val"), "; the held-out score below is not\n"),
        (
            "a finding of a later version",
            json!([{ "kind": "new", "count": 1, "ids": [], "text": "odd" }]),
            "score below is not\n",
        ),
        ("a run from before", Value::Null, "; the held-out score below tells more\n"),
    ];
    for (name, findings, expected) in table {
        let mut run = MadeRun::new(1, 10)
            .scored("4+ 6-")
            .scored("5+ 5-")
            .tested(0, "4+ 6-")
            .tested(1, "5+ 5-")
            .finished();
        run.summary.config.task.findings = serde_json::from_value(findings).expect("findings");
        let folder = tempfile::tempdir().expect("a folder");
        run.write(folder.path());
        let shown = said(folder.path(), &["summary", "."]);
        assert!(shown.contains(expected), "{name}: {shown}");
    }
}

/// Makes the run one that was killed after its baseline.
fn cut_off(run: &Path) {
    let path = run.join("summary.json");
    let mut summary = json_of(&path);
    summary["finished_at"] = Value::Null;
    summary["best_iteration_index"] = json!(0);
    summary["iterations"].as_array_mut().expect("a list").truncate(1);
    fs::write(path, format!("{summary:#}\n")).expect("written");
    fs::remove_file(run.join("manifest.json")).expect("removed");
    for folder in ["test", "iterations/001"] {
        fs::remove_dir_all(run.join(folder)).expect("removed");
    }
}

fn contents(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(run).into_iter();
    files
        .map(|path| (path.strip_prefix(run).expect("below").to_owned(), fs::read(&path).expect("read")))
        .collect()
}

#[test]
fn a_run_knows_its_data_under_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let rows: Vec<String> = tickets().iter().map(|row| format!("{row}\n")).collect();
    fs::write(root.join("a.csv"), format!("Team,Body\n{}", rows.concat())).expect("a file");
    let columns = ["--text-column", "body", "--label-column", "Team"];
    said(root, &[&SEARCH[..], &["a.csv"], &columns[..]].concat());
    let run = root.join("runs/a");
    assert_eq!(
        json_of(&run.join("config.json"))["dataset_columns"],
        json!({ "text": "body", "label": "Team" })
    );
    copy_folder(&run, &root.join("runs/whole"));
    cut_off(&run);
    // The same rows in another order, under another name, and with other names of columns.
    fs::remove_file(root.join("a.csv")).expect("removed");
    let backwards: Vec<String> = rows.iter().rev().cloned().collect();
    fs::write(root.join("b.csv"), format!("Team,Body\n{}", backwards.concat())).expect("a file");
    fs::write(root.join("c.csv"), format!("label,text\n{}", rows.concat())).expect("a file");
    fs::write(root.join("d.csv"), format!("Team,Body\n{}", rows[1..].concat())).expect("a file");
    let refused = mmh(root, &["run", "--resume", "runs/a", "--dataset", "d.csv"]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && why.contains("d.csv is not the run's"), "{why}");
    said(root, &["run", "--resume", "runs/a", "--dataset", "b.csv", "--fixed-clock", "2026-01-01T00:00:00Z"]);
    assert!(contents(&run) == contents(&root.join("runs/whole")), "it ends as it would have");
    let verified = said(root, &["verify", "runs/a", "--dataset", "b.csv"]);
    assert!(verified.contains("learned the same") && verified.contains("all of it holds"), "{verified}");
    cut_off(&run);
    let named = ["--text-column", "text", "--label-column", "label"];
    said(root, &[&["run", "--resume", "runs/a", "--dataset", "c.csv"], &named[..]].concat());
}
