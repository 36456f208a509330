//! `mmh verify`: an honest run holds, wherever it lies; a changed byte is found, and so is a forgery that
//! comes with new manifests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cap_std::{ambient_authority, fs::Dir};
use mmh::record::manifest::{self, Manifest};
use mmh_tests::{cache_dir, runs, runs::reseal};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn mmh(args: &[&str], run: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).arg(run).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_LOG");
    command.output().expect("the program starts")
}

/// Exit code and findings of `mmh verify --json`.
fn verify(run: &Path) -> (Option<i32>, Value) {
    let output = mmh(&["verify", "--json"], run);
    let found = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), found)
}

/// Files that findings name.
fn named(found: &Value) -> Vec<String> {
    let checked = found["checked"].as_array().into_iter().flatten();
    let findings = checked.flat_map(|it| it["findings"].as_array().into_iter().flatten());
    findings.filter_map(|it| it["file"].as_str().map(str::to_owned)).collect()
}

/// A copy of an honest run, in a folder of its own.
fn copied() -> (tempfile::TempDir, PathBuf) {
    runs::copied(PROGRAM)
}

fn files(folder: &Path, prefix: &str, out: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type().expect("a type").is_dir() {
            true => files(&entry.path(), &format!("{name}/"), out),
            false => out.push(name),
        }
    }
}

#[test]
fn an_honest_run_holds_wherever_it_lies() {
    let (_folder, run) = copied();
    let (code, found) = verify(&run);
    assert_eq!((code, &found["holds"]), (Some(0), &json!(true)), "{found:#}");
    let checked = found["checked"].as_array().expect("folders");
    assert_eq!(checked.len(), 1 + 4 + 2, "the run, its iterations, two held-out evaluations");
    for folder in &checked[1..] {
        let (replayed, name) = (&folder["replayed"], &folder["folder"]);
        assert!(
            replayed["examples"].as_u64() > Some(0) && replayed["same"] == replayed["examples"],
            "{folder}"
        );
        if name.as_str().is_some_and(|name| name.starts_with("iterations")) {
            assert_eq!(
                (&folder["rebuilt"]["status"], &replayed["learned"]),
                (&json!("same"), &json!(true)),
                "{name}"
            );
        }
    }
    let shown = mmh(&["verify"], &run);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("all of it holds") && shown.contains("manifest sha256"), "{shown}");
    let one = mmh(&["verify", "--iteration", "1"], &run);
    assert_eq!(one.status.code(), Some(0));
    assert_eq!(mmh(&["verify", "--iteration", "9"], &run).status.code(), Some(2));
}

/// The run that lies in the repository holds, and its digest is the published one.
#[test]
fn the_example_run_holds() {
    let run = mmh_tests::root().join("runs/example");
    let again = "make it anew, as runs/README.md says";
    let (code, found) = verify(&run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{again}: {found:#}");
    let checked = found["checked"].as_array().expect("folders");
    assert_eq!(checked.len(), 1 + 4);
    for iteration in &checked[1..] {
        assert_eq!(iteration["rebuilt"]["status"], "same", "{again}: {iteration:#}");
        assert_eq!(
            (&iteration["replayed"]["same"], &iteration["replayed"]["learned"]),
            (&json!(12), &json!(true))
        );
    }
    let page = fs::read_to_string(mmh_tests::root().join("runs/README.md")).expect("the page");
    let digest = found["manifest_sha256"].as_str().expect("a digest");
    assert!(page.lines().any(|line| line == digest), "{digest} is not in runs/README.md");
    let replayed = mmh(&["replay", "--iteration", "3"], &run);
    let shown = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(replayed.status.success() && shown.contains("12"), "{shown}");
}

/// Bytes all over every file, one at a time: its folder's manifest, or the run's, no longer fits.
#[test]
fn a_changed_byte_is_found_in_every_file() {
    let (_folder, run) = copied();
    let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).expect("it opens");
    let (dir, mut all) = (open(&run), Vec::new());
    files(&run, "", &mut all);
    assert!(all.len() > 40, "{all:?}");
    for file in &all {
        let path = run.join(file);
        let good = fs::read(&path).expect("read");
        // The run's own manifest lists the manifests below: both are looked at, as `verify` does.
        let folder = Path::new(file).parent().and_then(Path::to_str).unwrap_or_default();
        let step = (good.len() / 23).max(1);
        let last = good.len().checked_sub(1);
        for at in (0..good.len()).step_by(step).chain(last) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, &bad).expect("written");
            let mut findings = manifest::check(&dir, "");
            if !folder.is_empty() {
                findings.extend(manifest::check(&dir.open_dir(folder).expect("it opens"), folder));
            }
            assert!(!findings.is_empty(), "byte {at} of {file}");
        }
        fs::write(&path, &good).expect("written");
    }
    assert_eq!(verify(&run).0, Some(0), "nothing was left changed");
    // The program says so too, and names the file.
    for file in ["config.json", "iterations/001/harness.rs", "test/000/model_calls.jsonl", "manifest.json"] {
        let path = run.join(file);
        let good = fs::read(&path).expect("read");
        let mut bad = good.clone();
        let at = bad.iter().rposition(u8::is_ascii_digit).expect("a digit");
        bad[at] = if bad[at] == b'7' { b'8' } else { b'7' };
        fs::write(&path, &bad).expect("written");
        let output = mmh(&["verify"], &run);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
        assert!(said.contains(file) || file == "manifest.json", "{file}: {said}");
        fs::write(&path, &good).expect("written");
    }
}

/// What somebody may change who also writes new manifests. The evaluation itself gives them away.
#[test]
fn forgeries_are_found() {
    type Forge = fn(&Path);
    fn edit(path: PathBuf, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(&path).expect("read");
        let changed = change(text.clone());
        assert_ne!(text, changed, "{}", path.display());
        fs::write(path, changed).expect("written");
    }
    fn first_row(path: PathBuf, change: impl FnOnce(&mut Value)) {
        edit(path, |text| {
            let (first, rest) = text.split_once('\n').expect("a row");
            let mut row: Value = serde_json::from_str(first).expect("JSON");
            change(&mut row);
            format!("{row}\n{rest}")
        });
    }
    // name, what is changed, the file that a finding names
    let table: [(&str, Forge, &str); 11] = [
        (
            "a better prediction",
            |run| {
                first_row(run.join("iterations/000/eval_trace.jsonl"), |row| {
                    row["predicted_label"] = row["gold_label"].clone();
                    row["correct"] = json!(true);
                    row["error"] = Value::Null;
                    row["error_kind"] = json!("ok");
                    row["fuel"] = json!(1);
                })
            },
            "iterations/000/eval_trace.jsonl: ",
        ),
        (
            "less fuel",
            |run| first_row(run.join("iterations/001/eval_trace.jsonl"), |row| row["fuel"] = json!(7)),
            "iterations/001/eval_trace.jsonl: ",
        ),
        (
            "a log line",
            |run| {
                first_row(run.join("iterations/001/eval_trace.jsonl"), |row| {
                    row["logs"] = json!([{ "level": "info", "message": "x" }])
                })
            },
            "iterations/001/eval_trace.jsonl: ",
        ),
        (
            "another reply",
            |run| {
                first_row(run.join("test/000/model_calls.jsonl"), |row| {
                    row["reply"]["content"][0]["text"] = json!("no label at all")
                })
            },
            "test/000/eval_trace.jsonl: ",
        ),
        (
            "another request",
            |run| {
                first_row(run.join("test/000/model_calls.jsonl"), |row| {
                    row["request"]["max_tokens"] = json!(63)
                })
            },
            "test/000/eval_trace.jsonl: ",
        ),
        (
            "another source",
            |run| {
                edit(run.join("iterations/000/harness.rs"), |text| {
                    text.replace("Ok(Prediction::new(label))", "Ok(Prediction::new(label.to_lowercase()))")
                })
            },
            "iterations/000/harness.wasm",
        ),
        (
            "another binary",
            |run| {
                fs::copy(run.join("iterations/000/harness.wasm"), run.join("iterations/002/harness.wasm"))
                    .expect("copied");
            },
            "iterations/002/harness.wasm",
        ),
        (
            "a better score",
            |run| {
                edit(run.join("iterations/000/score.json"), |text| {
                    text.replacen("\"n_correct\": ", "\"n_correct\": 1", 1)
                })
            },
            "iterations/000/score.json: n_correct",
        ),
        (
            "a better summary",
            |run| {
                edit(run.join("summary.json"), |text| text.replacen("\"n_correct\": ", "\"n_correct\": 1", 1))
            },
            "summary.json: score of 000",
        ),
        (
            "a cheaper run",
            |run| {
                edit(run.join("cost.json"), |text| {
                    text.replacen("\"target_input_tokens\": ", "\"target_input_tokens\": 1", 1)
                })
            },
            "cost.json: total",
        ),
        (
            "another builder",
            |run| {
                edit(run.join("iterations/001/provenance.json"), |text| {
                    text.replace("\"invocationId\": \"a\"", "\"invocationId\": \"b\"")
                })
            },
            "iterations/001/provenance.json",
        ),
    ];
    for (name, forge, file) in table {
        let (_folder, run) = copied();
        forge(&run);
        reseal(&run);
        let (code, found) = verify(&run);
        assert_eq!(code, Some(1), "{name}");
        let named = named(&found);
        assert!(named.iter().any(|it| it.starts_with(file)), "{name}: {file} is not among {named:?}");
    }
}

/// Another compiler cannot rebuild; that is no tampering, and everything else is checked all the same.
#[test]
fn another_compiler_is_told_from_tampering() {
    let (_folder, run) = copied();
    for file in ["config.json", "summary.json"] {
        let text = fs::read_to_string(run.join(file)).expect("read");
        fs::write(run.join(file), text.replace("rustc 1.", "rustc 0.")).expect("written");
    }
    reseal(&run);
    let (code, found) = verify(&run);
    assert_eq!((code, named(&found)), (Some(1), Vec::new()), "{found:#}");
    let iteration = &found["checked"][1];
    assert_eq!(iteration["rebuilt"]["status"], "other-tools");
    assert_eq!(iteration["rebuilt"]["differs"][0]["file"], "rustc");
    assert_eq!(iteration["replayed"]["same"], iteration["replayed"]["examples"]);
    let shown = mmh(&["verify"], &run);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("not rebuilt, because rustc differs") && shown.contains("the run's rustc 0."),
        "{shown}"
    );
}

/// What a crash leaves: a run without an end, and an iteration without a manifest.
#[test]
fn a_run_that_was_cut_off_is_checked_as_far_as_it_goes() {
    let (_folder, run) = copied();
    fs::remove_file(run.join("iterations/003/manifest.json")).expect("removed");
    fs::remove_file(run.join("iterations/003/score.json")).expect("removed");
    fs::remove_dir_all(run.join("test")).expect("removed");
    let mut summary: Value =
        serde_json::from_slice(&fs::read(run.join("summary.json")).expect("read")).expect("JSON");
    let mut cost: Value =
        serde_json::from_slice(&fs::read(run.join("cost.json")).expect("read")).expect("JSON");
    summary["iterations"].as_array_mut().expect("rows").retain(|it| it["index"] != 3);
    summary["unscored"].as_array_mut().expect("rows").retain(|it| it["index"] != 3);
    summary["finished_at"] = Value::Null;
    // As the run had written them before its last iteration.
    let parts: Vec<Value> = summary["iterations"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(summary["unscored"].as_array().into_iter().flatten())
        .map(|it| it["cost"].clone())
        .collect();
    for (field, value) in cost["test"].as_object().cloned().unwrap_or_default() {
        let total: f64 = parts.iter().filter_map(|part| part[&field].as_f64()).sum();
        let zero = if value.is_u64() { json!(0) } else { json!(0.0) };
        let total = if value.is_u64() { json!(total as u64) } else { json!(total) };
        cost["test"][&field] = zero;
        cost[&field] = total.clone();
        summary["total_cost"][&field] = total;
    }
    for (file, value) in [("summary.json", &summary), ("cost.json", &cost)] {
        fs::write(run.join(file), format!("{value:#}\n")).expect("written");
    }
    let open = Dir::open_ambient_dir(&run, ambient_authority()).expect("it opens");
    let mut paths = manifest::files_of(&open).expect("listed");
    paths.extend((0..3).map(|index| format!("iterations/{index:03}/{}", manifest::NAME)));
    open.write(manifest::NAME, Manifest::of(&open, &paths).expect("read").bytes()).expect("written");
    let (code, found) = verify(&run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
    assert_eq!(found["checked"][4]["sealed"], false, "{found:#}");
    let shown = mmh(&["verify"], &run);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("unfinished"));
}

/// A folder that is no run, and files that are none.
#[test]
fn what_cannot_be_checked_is_said() {
    let (_folder, run) = copied();
    let nothing = tempfile::tempdir().expect("a folder");
    let table: [(&Path, Option<&str>, i32, &str); 3] = [
        (nothing.path(), None, 2, "there is no run at"),
        (&run, Some("{"), 3, "config.json is damaged: EOF while parsing"),
        (&run, Some("{}"), 3, "config.json is damaged: missing field `schema_version`"),
    ];
    for (folder, config, code, says) in table {
        if let Some(config) = config {
            fs::write(folder.join("config.json"), config).expect("written");
        }
        let output = mmh(&["verify"], folder);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(says), "{says:?} is not in {said}");
    }
}
