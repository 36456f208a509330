//! `mmh verify`: an honest run holds, wherever it lies; a changed byte is found; what is missing here, such as the
//! compiler or the data set, is told from tampering. Forgeries that come with new manifests have a file of their
//! own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cap_std::{ambient_authority, fs::Dir};
use mmh_record::manifest;
use mmh_tests::{
    cache_dir,
    forge::Forged,
    root,
    runs::{self, reseal},
};
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
            assert_eq!((&folder["rebuilt"], &replayed["learned"]), (&json!("same"), &json!(true)), "{name}");
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
        assert_eq!(iteration["rebuilt"], "same", "{again}: {iteration:#}");
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

/// So does the published search with a real model, and its best harness answers again as it did.
#[test]
fn the_published_run_holds() {
    let run = runs::published();
    let (code, found) = verify(run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
    let checked = found["checked"].as_array().expect("folders");
    assert_eq!(checked.len(), 1 + 7 + 2);
    assert!(checked[1..=7].iter().all(|it| it["rebuilt"] == "same"), "{found:#}");
    let page = fs::read_to_string(mmh_tests::root().join("runs/README.md")).expect("the page");
    let digest = found["manifest_sha256"].as_str().expect("a digest");
    assert!(page.lines().any(|line| line == digest), "{digest} is not in runs/README.md");
    let replayed = mmh(&["replay", "--iteration", "5", "--split", "test", "--json"], run);
    let shown: Value = serde_json::from_slice(&replayed.stdout).expect("JSON");
    assert!(replayed.status.success(), "{shown:#}");
    assert_eq!(shown["counts"], json!({ "same": 220 }), "{shown:#}");
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

/// Another compiler cannot rebuild; that is no tampering, and everything else is checked all the same.
#[test]
fn another_compiler_is_told_from_tampering() {
    let forged = Forged::of(runs::honest(PROGRAM));
    other_compiler(&forged);
    let run = forged.run.clone();
    reseal(&run);
    let (code, found) = verify(&run);
    assert_eq!((code, named(&found)), (Some(1), Vec::new()), "{found:#}");
    let iteration = &found["checked"][1];
    assert_eq!(
        (&iteration["rebuilt"], &found["differs"][0]["file"]),
        (&json!("other-tools"), &json!("rustc"))
    );
    assert_eq!(iteration["replayed"]["same"], iteration["replayed"]["examples"]);
    let shown = mmh(&["verify"], &run);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("not compiled again, because rustc differs") && shown.contains("the run's rustc 0."),
        "{shown}"
    );
}

/// Makes a run one that another compiler was used for.
fn other_compiler(run: &Forged) {
    let statements = (0..4).map(|index| format!("iterations/{index:03}/provenance.json"));
    for file in ["config.json".to_owned(), "summary.json".into()].into_iter().chain(statements) {
        run.edit(&file, |text| text.replace("rustc 1.", "rustc 0."));
    }
}

/// Another compiler does not hide a forgery: everything but the compilation is derived all the same.
#[test]
fn another_compiler_hides_nothing() {
    type Case = (&'static str, fn(&Forged), &'static str);
    let table: [Case; 3] = [
        (
            "a better score",
            |run| run.score(0, |score| score["n_correct"] = json!(6)),
            "iterations/000/score.json: n_correct",
        ),
        (
            "other reasoning",
            |run| fs::write(run.path("iterations/001/reasoning.md"), "Genius.").expect("written"),
            "iterations/001/reasoning.md",
        ),
        (
            "another source",
            |run| run.edit("iterations/001/harness.rs", |text| format!("{text}// more\n")),
            "iterations/001/harness.rs",
        ),
    ];
    for (name, forge, file) in table {
        let forged = Forged::of(runs::honest(PROGRAM));
        other_compiler(&forged);
        forge(&forged);
        reseal(&forged.run);
        let (code, found) = verify(&forged.run);
        let named = named(&found);
        assert!(code == Some(1) && named.iter().any(|it| it.starts_with(file)), "{name}: {named:#?}");
    }
}

/// What a crash leaves: a run without an end, and an iteration without a manifest.
#[test]
fn a_run_that_was_cut_off_is_checked_as_far_as_it_goes() {
    // name, what else a crash has left or a liar has changed, whether it holds
    type Case = (&'static str, fn(&Forged), bool);
    let table: [Case; 9] = [
        ("in the middle of an evaluation", |_| {}, true),
        (
            "before its first outcome",
            |run| fs::write(run.path("iterations/003/eval_trace.jsonl"), "").expect("written"),
            true,
        ),
        (
            "in the middle of a line",
            |run| {
                run.edit("iterations/003/eval_trace.jsonl", |text| format!("{text}{{\"example_id\": \"val"))
            },
            true,
        ),
        (
            "in the middle of a file",
            |run| fs::write(run.path("iterations/003/.score.json.partial"), "{").expect("written"),
            true,
        ),
        (
            "in the middle of the proposal",
            |run| {
                let folder = run.path("iterations/003");
                for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if !["proposer.jsonl", "filesystem_reads.jsonl"].contains(&name.as_str()) {
                        fs::remove_file(entry.path()).expect("removed");
                    }
                }
                run.change_rows("iterations/003/proposer.jsonl", |rows| rows.truncate(8));
                let step = run.rows("iterations/003/proposer.jsonl")[7]["step"].clone();
                run.change_rows("iterations/003/filesystem_reads.jsonl", |rows| {
                    rows.retain(|row| row["step"].as_u64() <= step.as_u64());
                });
            },
            true,
        ),
        ("a liar has a better outcome", |run| better(run, "iterations/003"), false),
        ("a liar has a better outcome of a finished iteration", |run| better(run, "iterations/001"), false),
        (
            "a liar has another file",
            |run| fs::write(run.path("iterations/003/notes.txt"), "x").expect("written"),
            false,
        ),
        (
            "a liar has another iteration",
            |run| runs::copy(&run.path("iterations/002"), &run.path("iterations/004")),
            false,
        ),
    ];
    for (name, change, holds) in table {
        let forged = Forged::of(runs::honest(PROGRAM));
        runs::cut_off(&forged.run, 3, 4);
        change(&forged);
        reseal(&forged.run);
        let (code, found) = verify(&forged.run);
        assert_eq!((code == Some(0), named(&found).is_empty()), (holds, holds), "{name}: {found:#}");
        assert_eq!(found["checked"][4]["sealed"], false, "{name}: {found:#}");
    }
    let forged = Forged::of(runs::honest(PROGRAM));
    runs::cut_off(&forged.run, 3, 4);
    let shown = mmh(&["verify"], &forged.run);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("unfinished"));
}

/// A kill between two writes leaves states that no finished run has. They are no tampering.
#[test]
fn every_state_between_two_writes_holds() {
    type Case = (&'static str, fn(&str) -> &'static Path, fn(&Forged));
    let table: [Case; 6] = [
        ("before the end is written", runs::honest, |run| {
            run.change("summary.json", |summary| summary["finished_at"] = Value::Null);
            run.remove("manifest.json");
        }),
        ("before the manifest is written", runs::honest, |run| run.remove("manifest.json")),
        ("before the last held-out score is in the summary", runs::honest, |run| {
            run.change("summary.json", |summary| {
                summary["finished_at"] = Value::Null;
                // The best harness is scored first, the baseline last.
                let last = summary["test"].as_array_mut().expect("a list").remove(0);
                // The costs are written first: the summary has those of the evaluation before.
                let index = last["index"].as_u64().expect("an index");
                for row in run.rows(&format!("test/{index:03}/eval_trace.jsonl")) {
                    for (sum, part) in
                        [("target_input_tokens", "input_tokens"), ("target_output_tokens", "output_tokens")]
                    {
                        let less = summary["total_cost"][sum].as_u64().zip(row[part].as_u64());
                        summary["total_cost"][sum] = json!(less.map(|(sum, part)| sum - part));
                    }
                }
            });
            run.remove("manifest.json");
        }),
        ("after the costs of an iteration, before its summary", runs::honest, |run| {
            let cost = run.json("cost.json");
            runs::cut_off(&run.run, 3, 6);
            for file in ["score.json", "test-result.json", "manifest.json"] {
                let honest = runs::honest(PROGRAM).join("iterations/003").join(file);
                fs::copy(honest, run.path("iterations/003").join(file)).expect("copied");
            }
            // What all iterations have cost, and nothing else yet.
            run.change("cost.json", |old| {
                old["iterations"] = cost["iterations"].clone();
                for (field, value) in cost["test"].as_object().expect("costs") {
                    let parts = cost["iterations"].as_array().into_iter().flatten();
                    let sum: f64 = parts.filter_map(|part| part[field].as_f64()).sum();
                    old[field] = if value.is_u64() { json!(sum as u64) } else { json!(sum) };
                }
            });
        }),
        ("of a run that was stopped and goes on again", runs::stopped, goes_on),
        ("of a run that was stopped while the proposer worked, and goes on again", runs::honest, |run| {
            runs::cut_off(&run.run, 3, 0);
            let folder = run.path("iterations/003");
            for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !["proposer.jsonl", "filesystem_reads.jsonl"].contains(&name.as_str()) {
                    fs::remove_file(entry.path()).expect("removed");
                }
            }
            run.change_rows("iterations/003/proposer.jsonl", |rows| {
                rows.truncate(5);
                let outcome = "interrupted: stopped while the proposer worked: somebody asked for it";
                rows.push(json!({ "type": "end", "at": "2026-01-01T00:00:00Z", "outcome": outcome }));
            });
            run.change_rows("iterations/003/filesystem_reads.jsonl", |rows| {
                rows.retain(|row| row["step"].as_u64() <= Some(2));
            });
        }),
    ];
    for (name, honest, change) in table {
        let forged = Forged::of(honest(PROGRAM));
        change(&forged);
        reseal(&forged.run);
        let (code, found) = verify(&forged.run);
        assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{name}: {found:#}");
    }
}

/// A run that was stopped, in the moment after it has begun to go on.
fn goes_on(run: &Forged) {
    run.remove("manifest.json");
    run.change("summary.json", |summary| {
        summary.as_object_mut().expect("a summary").remove("stopped");
        summary["unscored"] = json!([]);
        summary["total_cost"] = summary["iterations"][0]["cost"].clone();
    });
    let total = run.json("summary.json")["total_cost"].clone();
    run.change("cost.json", |cost| {
        cost["iterations"].as_array_mut().expect("a list").truncate(1);
        for (field, value) in total.as_object().expect("costs") {
            cost[field] = value.clone();
        }
    });
}

/// Makes the first outcome of an evaluation a right one.
fn better(run: &Forged, folder: &str) {
    run.change_rows(&format!("{folder}/eval_trace.jsonl"), |rows| {
        let row = rows.iter_mut().find(|row| row["correct"] == false).expect("a wrong one");
        row["predicted_label"] = row["gold_label"].clone();
        row["correct"] = json!(true);
    });
}

/// A data set of one's own is named. Without it the run does not hold, unless somebody accepts that; what can be
/// checked is checked in any case.
#[test]
fn the_data_set_is_named() {
    let run = own_data();
    let data = run.parent().and_then(Path::parent).expect("a folder").join("data");
    let named_data = ["--dataset", data.to_str().expect("UTF-8")];
    // name, change, options, exit code, what is said
    type Case<'a> = (&'a str, fn(&Forged), &'a [&'a str], i32, &'a str);
    let nothing: fn(&Forged) = |_| {};
    let worse: fn(&Forged) = |run| run.score(0, |score| score["n_correct"] = json!(0));
    let relabelled: fn(&Forged) = |run| {
        let change = |rows: &mut Vec<Value>| rows.iter_mut().for_each(|row| row["gold_label"] = json!("one"));
        run.change_rows("iterations/000/eval_trace.jsonl", change);
    };
    let table: [Case<'_>; 8] = [
        ("named", nothing, &named_data, 0, "all of it holds"),
        ("not named", nothing, &[], 1, "named with --dataset (the run had it at ../data)"),
        (
            "not named, accepted",
            nothing,
            &["--without-dataset"],
            0,
            "it holds, as far as it can be checked without the data set",
        ),
        (
            "another one",
            nothing,
            &["--dataset", "symptoms-mini"],
            2,
            "the data set symptoms-mini is not the run's",
        ),
        ("a forged score, named", worse, &named_data, 1, "iterations/000/score.json: n_correct"),
        (
            "a forged score, accepted",
            worse,
            &["--without-dataset"],
            1,
            "iterations/000/score.json: n_correct",
        ),
        ("forged labels, named", relabelled, &named_data, 1, "iterations/000/eval_trace.jsonl: val-"),
        (
            "forged labels of one iteration, accepted",
            relabelled,
            &["--without-dataset"],
            1,
            "it does not hold",
        ),
    ];
    for (name, change, options, code, says) in table {
        let forged = Forged::of(run);
        change(&forged);
        reseal(&forged.run);
        let output = mmh(&[&["verify"], options].concat(), &forged.run);
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8_lossy(&all).into_owned();
        assert_eq!(output.status.code(), Some(code), "{name}: {all}");
        assert!(all.contains(says), "{name}: {says:?} is not in {all}");
    }
}

/// A finished run over a small data set that lies beside it.
fn own_data() -> &'static Path {
    runs::made("own data", |folder| {
        fs::create_dir_all(folder.join("data")).expect("a folder");
        for (split, count) in [("train", 6), ("val", 6), ("test", 4)] {
            let label = |at: usize| if at.is_multiple_of(2) { "one" } else { "two" };
            let row = |at: usize| {
                format!("{}\n", json!({ "text": format!("{split} text {at}"), "label": label(at) }))
            };
            let rows: String = (0..count).map(row).collect();
            fs::write(folder.join(format!("data/{split}.jsonl")), rows).expect("written");
        }
        fs::create_dir(folder.join("runs")).expect("a folder");
        let args = ["--mock", "--iterations", "1", "--dataset", "../data", "--runs-dir", "."];
        let output =
            runs::command(PROGRAM, &folder.join("runs"), &args).output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
}

/// An export is checked as far as it goes, and says what it does not prove.
#[test]
fn exports_are_checked() {
    type Change = fn(&Forged);
    // name, change, where it is found
    let table: [(&str, Change, Option<&str>); 10] = [
        ("nothing", |_| {}, None),
        (
            "another source",
            |it| it.edit("harness.rs", |text| text.replace("fn predict(", "fn predict( ")),
            Some("provenance.json"),
        ),
        (
            "other words in the source",
            |it| it.edit("harness.rs", |text| text.replacen("label", "lable", 1)),
            Some("provenance.json"),
        ),
        (
            "a better score",
            |it| it.change("score.json", |score| score["n_correct"] = json!(6)),
            Some("score.json: accuracy"),
        ),
        (
            "a narrower interval",
            |it| it.change("held-out-score.json", |score| score["interval"]["low"] = json!(0.9)),
            Some("held-out-score.json: interval.low"),
        ),
        (
            "more passed examples",
            |it| it.change("test-result.json", |it| it["predicate"]["passedTests"] = json!(["val-0000"])),
            Some("test-result.json: predicate.passedTests"),
        ),
        (
            "another model",
            |it| it.change("run.json", |run| run["config"]["target_model"] = json!("gpt-9")),
            Some("test-result.json: predicate.configuration[1]"),
        ),
        ("another task", |it| it.change("task.json", |task| task["name"] = json!("x")), Some("task.json")),
        (
            "a better page",
            |it| it.edit("README.md", |text| text.replacen("SIMULATED", "real", 1)),
            Some("README.md"),
        ),
        ("a file more", |it| fs::write(it.path("more.txt"), "x").expect("written"), Some("more.txt")),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let exported = folder.path().join("exported");
    let output = mmh(&["export", "-o", exported.to_str().expect("UTF-8")], runs::honest(PROGRAM));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, change, place) in table {
        let forged = Forged::of(&exported);
        change(&forged);
        let (code, found) = verify(&forged.run);
        let named: Vec<&str> =
            found["findings"].as_array().into_iter().flatten().filter_map(|it| it["file"].as_str()).collect();
        assert_eq!(code, Some(i32::from(place.is_some())), "{name}: {found:#}");
        assert_eq!(named.is_empty(), place.is_none(), "{name}: {found:#}");
        assert!(place.is_none_or(|place| named.iter().any(|it| it.starts_with(place))), "{name}: {named:#?}");
    }
    let shown = mmh(&["verify"], &exported);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in ["it holds, as far as an export can be checked", "not proved: scores"] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}

/// A harness whose calls would fill the record is told so, and the search goes on: all of it can be read back.
#[test]
fn a_full_record_is_an_outcome() {
    let run = runs::made("a full record", |folder| {
        let flood = root().join("tests/guests/run/record_limit.rs");
        let args = [
            "--mock",
            "--iterations",
            "1",
            "--eval-size",
            "4",
            "--no-test",
            "--evaluation-record-mib",
            "200",
        ];
        let baseline = ["--baseline", flood.to_str().expect("UTF-8")];
        let run = |args: &[&str]| {
            let output = runs::command(PROGRAM, folder, args).output().expect("the program starts");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        // Such a baseline is broken. Who goes on with it means it.
        let (code, said) = run(&[&args[..], &baseline].concat());
        assert!(code == Some(1) && said.contains("4 record-limit"), "{said}");
        let (code, said) = run(&["--resume", "runs/a"]);
        assert_eq!(code, Some(0), "{said}");
    });
    let summary: Value =
        serde_json::from_slice(&fs::read(run.join("summary.json")).expect("read")).expect("JSON");
    let outcomes: Vec<&Value> =
        summary["iterations"].as_array().into_iter().flatten().map(|it| &it["score"]["outcomes"]).collect();
    assert_eq!(outcomes[0], &json!({ "record-limit": 4 }), "{outcomes:?}");
    assert_eq!(outcomes.len(), 2, "the next iteration is scored");
    let calls = fs::metadata(run.join("iterations/000/model_calls.jsonl")).expect("the calls").len();
    // 25 batches and 220 examples have equal shares of 200 MiB.
    let share = (200 << 20) / 245;
    assert!(calls <= 4 * share, "{calls} bytes for 4 examples of {share}");
    let (code, found) = verify(run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
}

/// Asks first, answers every second example, and computes for ever on the others.
const SLOW: &str = r#"
use mmh_sdk::prelude::*;

struct Slow;

impl Harness for Slow {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        model.ask("something")?;
        let mut rounds = input.text.len() as u64;
        while rounds % 2 == 1 {
            rounds = std::hint::black_box(rounds).wrapping_add(2);
        }
        Ok(Answer::new("in time"))
    }
}

mmh_sdk::export!(Slow);
"#;

/// Outcomes of the wall clock cannot be repeated: they are taken as they stand, counted, and wrong.
#[test]
fn outcomes_of_the_wall_clock_are_claimed() {
    let run = runs::made("the wall clock", |folder| {
        fs::write(folder.join("slow.rs"), SLOW).expect("written");
        let args =
            ["--mock", "--iterations", "0", "--eval-size", "6", "--no-test", "--example-timeout-s", "1"];
        // More fuel than a machine can burn in a second.
        let baseline = ["--fuel", "1000000000000", "--baseline", "slow.rs"];
        let output = runs::command(PROGRAM, folder, &[&args[..], &baseline].concat())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    let (code, found) = verify(run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
    let late = found["claimed"]["timed_out"].as_u64().expect("a count");
    assert!((1..6).contains(&late), "{found:#}");
    assert_eq!(found["checked"][1]["replayed"]["not_replayable"], late, "{found:#}");
    // name, what a liar changes, the field that gives it away
    type Case = (&'static str, fn(&mut Value), &'static str);
    let table: [Case; 4] = [
        ("it was right", |row| row["correct"] = json!(true), "correct"),
        ("it had an answer", |row| row["predicted_label"] = row["gold_label"].clone(), "predicted_label"),
        ("it was another text", |row| row["input"] = json!("an easy one"), "input"),
        ("it used no tokens", |row| row["input_tokens"] = json!(0), "input_tokens"),
    ];
    for (name, change, field) in table {
        let forged = Forged::of(run);
        forged.change_rows("iterations/000/eval_trace.jsonl", |rows| {
            change(rows.iter_mut().find(|row| row["error_kind"] == "timeout").expect("a late one"));
        });
        reseal(&forged.run);
        let (code, found) = verify(&forged.run);
        let named = named(&found);
        assert!(
            code == Some(1) && named.iter().any(|it| it.ends_with(&format!(": {field}"))),
            "{name}: {named:#?}"
        );
    }
}

/// Replies of an earlier run cost nothing, and are on record like all others.
#[test]
fn kept_replies_hold() {
    let run = runs::kept(PROGRAM);
    let calls = fs::read_to_string(run.join("iterations/001/model_calls.jsonl")).expect("read");
    assert!(calls.lines().all(|line| line.contains("\"cached\":true")), "{calls}");
    let (code, found) = verify(run);
    assert_eq!((code, named(&found)), (Some(0), Vec::new()), "{found:#}");
    assert!(found["claimed"]["replies"].as_u64() > Some(70), "{found:#}");
}

/// A folder that is no run, and files that are none.
#[test]
fn what_cannot_be_checked_is_said() {
    let (_folder, run) = copied();
    let nothing = tempfile::tempdir().expect("a folder");
    let config = fs::read_to_string(run.join("config.json")).expect("read");
    let newer = config.replace("\"schema_version\": 1,", "\"schema_version\": 99,");
    let table: [(&Path, Option<&str>, i32, &str); 4] = [
        (nothing.path(), None, 2, "there is no run at"),
        (&run, Some(&newer), 3, "config.json: it has schema_version 99"),
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
