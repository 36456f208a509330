//! The harnesses that ship with the program: each compiles, answers on tasks with labels and on open ones, and always says
//! the same with the same seed. A search starts from any of them by its name.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use mmh_search::baselines::SHIPPED;
use mmh_tests::cache_dir;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Runs the program in a folder: its exit code, and what it said.
fn mmh(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).output();
    let output = output.expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// An open task of which every question has a twin in train.
fn open_task(folder: &Path) {
    let task = "instructions = \"Name what is described.\"\nfields = [\"place\"]\nlabels = \"open\"\nmetric = \"normalised\"\n";
    fs::create_dir(folder.join("open")).expect("a folder");
    fs::write(folder.join("open/task.toml"), task).expect("a file");
    let things = ["lantern", "harbour", "thimble", "glacier", "orchard", "violin", "compass", "beehive"];
    for split in ["train", "val", "test"] {
        let row = |thing: &&str| {
            format!(
                "{{\"text\":\"a {split} note about the old {thing}\",\"place\":\"Oslo\",\"label\":\"The {thing}\"}}\n"
            )
        };
        let rows: String = things.iter().map(row).collect();
        fs::write(folder.join(format!("open/{split}.jsonl")), rows).expect("a file");
    }
}

/// What an evaluation wrote down of each example: answer, fuel, size of all prompts. And how many were right.
fn evaluated(folder: &Path, name: &str, dataset: &str, seed: u64) -> (Vec<(String, u64, u64)>, usize) {
    let seed = seed.to_string();
    let args = ["eval", name, "--mock", "--dataset", dataset, "--eval-size", "8", "--seed", &seed];
    let (code, said) = mmh(folder, &[&args[..], &["--trace", "trace.jsonl"]].concat());
    assert_eq!(code, Some(0), "{name} on {dataset}: {said}");
    let rows = fs::read_to_string(folder.join("trace.jsonl")).expect("a trace");
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |row: &Value| {
        assert_eq!(
            (row["error_kind"].as_str(), row["model_calls"].as_u64()),
            (Some("ok"), Some(1)),
            "{name}: {row}"
        );
        let number = |field: &str| row[field].as_u64().expect("a number");
        (
            row["predicted_label"].as_str().expect("an answer").to_owned(),
            number("fuel"),
            number("prompt_bytes"),
        )
    };
    (rows.iter().map(of).collect(), rows.iter().filter(|row| row["correct"] == true).count())
}

#[test]
fn each_answers_and_repeats_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    open_task(root);
    // name, the least number of 8 open questions that are right: of a model that copies the answer of the best example
    let table = [("zero-shot", 0), ("few-shot-all", 8), ("few-shot-random", 8), ("nearest", 8)];
    assert_eq!(table.map(|(name, _)| name), SHIPPED.map(|it| it.name));
    for (name, least) in table {
        for dataset in ["symptoms-mini", "open"] {
            let (first, right) = evaluated(root, name, dataset, 3);
            assert_eq!(first.len(), 8, "{name} on {dataset}");
            assert_eq!(evaluated(root, name, dataset, 3).0, first, "{name} on {dataset}: the same seed");
            assert!(dataset != "open" || right >= least, "{name}: {right} of 8 are right: {first:?}");
        }
    }
    // Only one of them leaves something to chance.
    let prompts = |name: &str| -> BTreeSet<Vec<u64>> {
        let seeds = 0..4;
        let of =
            |seed| evaluated(root, name, "symptoms-mini", seed).0.iter().map(|row| row.2).collect::<Vec<_>>();
        // The sample of examples depends on the seed as well: the sizes are compared in order.
        seeds
            .map(of)
            .map(|mut sizes: Vec<u64>| {
                sizes.sort_unstable();
                sizes
            })
            .collect()
    };
    assert_eq!(prompts("few-shot-random").len(), 4);
}

#[test]
fn a_search_starts_from_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let run = ["run", "--mock", "--iterations", "1", "--eval-size", "6", "--no-test", "--run-id"];
    for (id, name) in [("a", "nearest"), ("b", "few-shot-random")] {
        let (code, said) = mmh(root, &[&run[..], &[id, "--baseline", name]].concat());
        assert_eq!(code, Some(0), "{name}: {said}");
        let source = fs::read_to_string(root.join(format!("runs/{id}/iterations/000/harness.rs")));
        let shipped = SHIPPED.iter().find(|it| it.name == name).expect("it ships");
        assert_eq!(source.expect("a source"), shipped.source, "{name}");
        let (code, said) = mmh(root, &["verify", &format!("runs/{id}")]);
        assert_eq!(code, Some(0), "{name}: {said}");
    }
    // name, what stands in the folder, exit code, what is said
    let table = [
        (
            "no such name",
            "nearst",
            None,
            2,
            "nearst is neither a file nor a harness that ships with mmh: zero-shot, few-shot-all",
        ),
        ("a file of that name", "zero-shot", Some("fn main() {}"), 1, "the baseline is refused"),
    ];
    for (what, name, file, code, expected) in table {
        file.iter().for_each(|text| fs::write(root.join(name), text).expect("a file"));
        let found = mmh(root, &[&run[..], &["c", "--baseline", name]].concat());
        assert!(found.0 == Some(code) && found.1.contains(expected), "{what}: {found:?}");
    }
}
