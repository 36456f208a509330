//! Runs are listed, moved and removed with what lies beside them, and nothing else is.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use cap_std::{ambient_authority, fs::Dir};
use mmh_tests::{cache_dir, runs};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir());
    command.output().expect("the program starts")
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with three runs: `one`, which is signed and has notes, `two`, which is open, and `paid`; and what is no run.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    runs::copy(runs::honest(PROGRAM), &at("runs/one"));
    runs::copy(runs::honest(PROGRAM), &at("runs/two"));
    runs::copy(runs::paid(PROGRAM), &at("runs/paid"));
    fs::remove_file(at("runs/two/manifest.json")).expect("removed");
    fs::create_dir(at("runs/other")).expect("a folder");
    for args in [&["keygen", "--out", "k"][..], &["sign", "runs/one", "--key", "k"]] {
        assert!(mmh(folder.path(), args).status.success());
    }
    let notes = r#"{"schema_version":1,"notes":{"run":{"tags":["keep","paper"],"note":"the one"},
        "iteration-1":{"tags":["odd"],"note":""},"example-val-val-0001":{"tags":["of an example"],"note":""}}}"#;
    fs::write(at("runs/one.notes.json"), notes).expect("written");
    folder
}

#[test]
fn runs_are_listed_filtered_and_sorted() {
    let folder = folder();
    let table = [
        ("all", &[][..], vec!["paid", "one", "two"]),
        ("by name", &["--sort", "name"], vec!["one", "paid", "two"]),
        ("by score", &["--sort", "score"], vec!["one", "two", "paid"]),
        ("by cost", &["--sort", "cost"], vec!["paid", "one", "two"]),
        ("simulated", &["--filter", "simulated", "--sort", "name"], vec!["one", "two"]),
        ("two words", &["--filter", "symptoms", "--filter", "PAID"], vec!["paid"]),
        ("none", &["--filter", "nothing"], vec![]),
        ("by tags", &["--sort", "tags"], vec!["one", "paid", "two"]),
        ("a tag", &["--tag", "paper"], vec!["one"]),
        ("a tag of an iteration", &["--tag", "odd", "--tag", "keep"], vec!["one"]),
        ("a part of a tag", &["--tag", "pap"], vec![]),
        ("a word of a tag", &["--filter", "PAP"], vec!["one"]),
        ("a tag of an example", &["--tag", "of an example"], vec![]),
    ];
    for (name, args, expected) in table {
        let output = mmh(folder.path(), &[&["runs", "--json"], args].concat());
        assert!(output.status.success(), "{name}: {}", both(&output));
        let listed: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut names: Vec<&str> = listed.iter().map(|it| it["name"].as_str().expect("a name")).collect();
        let mut expected = expected;
        if name == "all" {
            // Which of the two was made first is not known.
            names.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(names, expected, "{name}");
    }
    let said = both(&mmh(folder.path(), &["runs"]));
    assert!(said.contains("(SIMULATED)") && said.contains("finished"), "{said}");
    assert!(said.contains("(SIMULATED) [keep] [odd] [paper]"), "{said}");
    fs::write(folder.path().join("runs/two.notes.json"), "{").expect("written");
    let said = both(&mmh(folder.path(), &["runs"]));
    assert!(said.contains("note: two is listed without its tags: two.notes.json is damaged"), "{said}");
    assert_eq!(mmh(folder.path(), &["runs", "nowhere"]).status.code(), Some(2));
}

/// Tags and notes are written without a page, and what is wrong with them is said.
#[test]
fn runs_are_tagged() {
    let folder = folder();
    // name, arguments, exit code, what is said
    let table = [
        ("nothing yet", &["runs/paid"][..], 0, "no tags and no notes"),
        ("two tags", &["runs/paid", "dear", " good "], 0, "run: [dear] [good]"),
        ("again", &["runs/paid", "dear"], 0, "run: [dear] [good]"),
        ("a note", &["runs/paid", "--note", "why?\nso"], 0, "run: [dear] [good]\n  why?\n  so"),
        ("one away", &["runs/paid", "--remove", "dear"], 0, "run: [good]\n  why?"),
        ("one that is not there", &["runs/paid", "--remove", "dear"], 2, "there is no tag dear on the run"),
        ("an iteration", &["runs/paid", "first", "--iteration", "0"], 0, "iteration-0: [first]"),
        ("all", &["runs/paid"], 0, "iteration-0: [first]\nrun: [good]"),
        ("no iteration", &["runs/paid", "x", "--iteration", "7"], 2, "has no iteration 7: `mmh summary"),
        ("a comma", &["runs/paid", "a,b"], 2, "and no comma"),
        ("no run", &["runs/other", "x"], 2, "runs/other"),
        ("what was there", &["runs/one"], 0, "run: [keep] [paper]\n  the one"),
    ];
    for (name, args, code, expected) in table {
        let output = mmh(folder.path(), &[&["tag"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{name}: {}", both(&output));
        assert!(both(&output).contains(expected), "{name}: {}", both(&output));
    }
    let output = mmh(folder.path(), &["tag", "runs/paid", "--remove", "good", "--note", ""]);
    assert!(both(&output).contains("no tags and no notes"), "{}", both(&output));
    let kept = fs::read_to_string(folder.path().join("runs/paid.notes.json")).expect("kept");
    assert!(kept.contains("iteration-0") && !kept.contains("\"run\""), "{kept}");
}

#[test]
fn a_run_moves_with_its_signatures_and_notes() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("archive")).expect("a folder");
    for (args, place) in
        [(["mv", "runs/one", "runs/moved"], "runs/moved"), (["mv", "runs/moved", "archive"], "archive/moved")]
    {
        let output = mmh(folder.path(), &args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        for ending in ["/manifest.json", ".intoto.jsonl", ".notes.json"] {
            assert!(at(&format!("{place}{ending}")).is_file(), "{place}{ending}");
        }
    }
    let output = mmh(folder.path(), &["verify", "archive/moved", "--key", "k.pub"]);
    assert!(output.status.success(), "{}", both(&output));
}

#[test]
fn only_runs_that_may_go_are_removed() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("runs/paid/mine.txt"), "").expect("written");
    // Another mmh writes to it.
    let dir = Dir::open_ambient_dir(at("runs/two"), ambient_authority()).expect("a folder");
    let lock = dir.open(".").expect("opened").into_std();
    lock.lock().expect("locked");
    let table = [
        ("a run that is being written", &["rm", "runs/two"][..], "is being written"),
        ("the same, moved", &["mv", "runs/two", "runs/three"], "is being written"),
        ("a finished one", &["rm", "runs/one"], "--finished removes it"),
        ("one with another file", &["rm", "--finished", "runs/paid"], "mine.txt"),
        ("no run", &["rm", "runs/other"], "there is no run"),
        ("onto another run", &["mv", "runs/one", "runs/paid/one"], "is the folder of a run"),
        ("one that may not go among others", &["rm", "runs/one", "--finished", "runs/paid"], "mine.txt"),
    ];
    for (name, args, says) in table {
        let output = mmh(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", both(&output));
        assert!(both(&output).contains(says), "{name}: {}", both(&output));
    }
    drop(lock);
    assert!(at("runs/one").is_dir() && at("runs/two").is_dir() && at("runs/paid").is_dir());
    let output = mmh(folder.path(), &["rm", "--finished", "runs/one", "runs/two"]);
    assert!(output.status.success(), "{}", both(&output));
    let mut left: Vec<String> = fs::read_dir(at("runs"))
        .expect("a folder")
        .flatten()
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["other", "paid"]);
}

#[test]
fn an_installation_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = mmh(folder.path(), &["self-test"]);
    assert!(output.status.success(), "{}", both(&output));
    assert!(both(&output).contains("self-test: all of it works"), "{}", both(&output));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
    // A compiler that is none is found out.
    let output = mmh(folder.path(), &["self-test", "--rustc", "/bin/false"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert!(both(&output).contains("FAILED: the system, a search"), "{}", both(&output));
}

#[test]
fn a_run_says_what_one_does_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["--mock", "--iterations", "1", "--eval-size", "6", "--no-test"];
    let output = runs::command(PROGRAM, folder.path(), &args).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let next: Vec<&str> = said.lines().skip_while(|line| *line != "next:").skip(1).map(str::trim).collect();
    assert_eq!(next.len(), 3, "{said}");
    for line in next {
        let words: Vec<&str> = line.split(' ').skip(1).chain(["--help"]).collect();
        assert!(mmh(folder.path(), &words).status.success(), "{line}");
    }
}
