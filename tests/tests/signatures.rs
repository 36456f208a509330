//! Signatures of a run's statements: who signed what is told, others' programs verify them, and no change stays
//! unnoticed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mmh_tests::{
    cache_dir,
    python::{done, python},
    root, runs,
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir());
    command.output().expect("the program starts")
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with a copy of a run, `elsewhere`, that `k` signed, and another pair of keys, `other`.
fn signed(run: &Path) -> (tempfile::TempDir, PathBuf) {
    let (folder, run) = runs::copy_of(run);
    for args in
        [&["keygen", "--out", "k"][..], &["keygen", "--out", "other"], &["sign", "elsewhere", "--key", "k"]]
    {
        let output = mmh(folder.path(), args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
    }
    let bundle = run.with_file_name("elsewhere.intoto.jsonl");
    assert!(bundle.is_file(), "no signatures");
    (folder, bundle)
}

fn lines(bundle: &Path) -> Vec<String> {
    fs::read_to_string(bundle).expect("signatures").lines().map(str::to_owned).collect()
}

#[test]
fn a_signed_run_and_its_export_verify() {
    let (folder, bundle) = signed(runs::honest(PROGRAM));
    let at = folder.path();
    let mode = |name: &str| fs::metadata(at.join(name)).expect("a key").permissions().mode() & 0o777;
    assert_eq!((mode("k"), mode("k.pub")), (0o600, 0o644));
    assert_eq!(lines(&bundle).len(), 1 + 4 + 4 + 2);

    let output = mmh(at, &["verify", "elsewhere", "--key", "k.pub"]);
    let said = both(&output);
    assert!(output.status.success(), "{said}");
    for file in ["manifest.json", "iterations/000/provenance.json", "test/000/test-result.json"] {
        let of_file = said.lines().find(|line| line.starts_with(file)).unwrap_or_default();
        assert!(of_file.contains("SHA256:"), "{file}: {said}");
    }
    // Without a key they are mentioned, and a second signer adds to the first.
    assert!(both(&mmh(at, &["verify", "elsewhere"])).contains("not checked: 11 signatures"));
    assert!(mmh(at, &["sign", "elsewhere", "--key", "other"]).status.success());
    assert!(mmh(at, &["sign", "elsewhere", "--key", "k"]).status.success(), "again");
    assert_eq!(lines(&bundle).len(), 22);
    let output = mmh(at, &["export", "elsewhere", "-o", "exported"]);
    assert!(output.status.success(), "{}", both(&output));
    fs::remove_dir_all(at.join("elsewhere")).expect("the run goes");
    let output = mmh(at, &["verify", "exported", "--key", "other.pub", "--json"]);
    assert!(output.status.success(), "{}", both(&output));
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let files: Vec<&String> = shown["signatures"]["signed"].as_object().expect("files").keys().collect();
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(files.iter().any(|it| it.starts_with("manifest.json of the run")), "{files:?}");
}

#[test]
fn other_programs_verify_the_envelopes() {
    let (folder, bundle) = signed(runs::honest(PROGRAM));
    let files = root().join("tests/exports");
    let python = python(&files.join("requirements.txt"));
    let mut command = Command::new(&python);
    command.arg(files.join("signatures.py")).arg(folder.path().join("k.pub")).arg(bundle);
    assert_eq!(done(&mut command).trim(), "11 envelopes of 3 kinds");
    let (folder_of_published, bundle) = signed(runs::published());
    let mut command = Command::new(&python);
    command.arg(files.join("signatures.py")).arg(folder_of_published.path().join("k.pub")).arg(bundle);
    assert_eq!(done(&mut command).trim(), "17 envelopes of 3 kinds", "the published run");
    // `openssl` reads both keys: what it makes of the private one is the public one.
    let mut command = Command::new("openssl");
    command.args(["pkey", "-pubout", "-in"]).arg(folder.path().join("k"));
    assert_eq!(done(&mut command), fs::read_to_string(folder.path().join("k.pub")).expect("a key"));
}

/// What is done to a signed run, the key that it is verified with, and what is said.
type Case = (&'static str, fn(&Path, &Path), &'static str, &'static str);

#[test]
fn what_does_not_hold_is_named() {
    let table: [Case; 9] = [
        ("another key", |_, _| {}, "other.pub", "NOT SIGNED by a key of --key"),
        ("no signatures", |_, bundle| fs::remove_file(bundle).expect("removed"), "k.pub", "NOT SIGNED"),
        ("one is missing", |_, bundle| change(bundle, |all| drop(all.remove(3))), "k.pub", "NOT SIGNED"),
        (
            "one is cut off",
            |_, bundle| change(bundle, |all| all[2].truncate(200)),
            "k.pub",
            "damaged or cut off",
        ),
        (
            "a byte of a payload",
            |_, bundle| {
                change(bundle, |all| {
                    all[1] = with_payload(&all[1], |it| it.replacen("harness", "harnesS", 1))
                })
            },
            "k.pub",
            "it does not verify",
        ),
        (
            "a byte of a signature",
            |_, bundle| change(bundle, |all| all[1] = all[1].replace("\"sig\":\"", "\"sig\":\"AAAA")),
            "k.pub",
            "it does not verify",
        ),
        (
            "another type of payload",
            |_, bundle| change(bundle, |all| all[1] = all[1].replace("in-toto+json", "other+json")),
            "k.pub",
            "payload type",
        ),
        (
            "a statement that was changed later",
            |run, _| {
                let file = run.join("iterations/001/provenance.json");
                let text = fs::read_to_string(&file).expect("read");
                fs::write(&file, text.replacen("release", "Release", 1) + " ").expect("written");
            },
            "k.pub",
            "iterations/001/provenance.json was another one when it was signed",
        ),
        (
            "the run's manifest was changed later",
            |run, _| {
                let file = run.join("manifest.json");
                let text = fs::read_to_string(&file).expect("read");
                fs::write(&file, text + "\n").expect("written");
            },
            "k.pub",
            "the run's manifest was another one",
        ),
    ];
    for (name, spoil, key, says) in table {
        let (folder, bundle) = signed(runs::honest(PROGRAM));
        spoil(&folder.path().join("elsewhere"), &bundle);
        let output = mmh(folder.path(), &["verify", "elsewhere", "--key", key]);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

/// Signatures that are true, but of another run, do not pass for this one's.
#[test]
fn a_statement_of_another_run_is_named() {
    let (folder, bundle) = signed(runs::honest(PROGRAM));
    let foreign = runs::once(
        PROGRAM,
        &["--mock", "--iterations", "1", "--eval-size", "6", "--run-id", "a", "--seed", "5"],
    );
    let other = folder.path().join("b");
    runs::copy(foreign, &other);
    assert!(mmh(folder.path(), &["sign", "b", "--key", "k"]).status.success());
    let theirs = lines(&folder.path().join("b.intoto.jsonl"));
    change(&bundle, |all| all.extend(theirs.clone()));
    let output = mmh(folder.path(), &["verify", "elsewhere", "--key", "k.pub"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    assert!(both(&output).contains("the run's manifest was another one"), "{}", both(&output));
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let (folder, _) = signed(runs::honest(PROGRAM));
    let at = folder.path();
    runs::copy(&at.join("elsewhere"), &at.join("open"));
    fs::remove_file(at.join("open/manifest.json")).expect("removed");
    runs::copy(&at.join("elsewhere"), &at.join("changed"));
    fs::write(at.join("changed/iterations/001/harness.rs"), "other").expect("written");
    let table = [
        ("a run that is not finished", &["sign", "open", "--key", "k"][..], 2, "it is not finished"),
        ("a run that was changed", &["sign", "changed", "--key", "k"], 1, "nothing is signed"),
        ("the public key", &["sign", "elsewhere", "--key", "k.pub"], 2, "is no private key"),
        ("no run", &["sign", ".", "--key", "k"], 2, "there is no run"),
        ("a private key to verify with", &["verify", "elsewhere", "--key", "k"], 2, "it is a private one"),
        ("a key that is there", &["keygen", "--out", "k"], 2, "no key is written over"),
        ("a key in a run", &["keygen", "--out", "elsewhere/k"], 2, "is the folder of a run"),
    ];
    for (name, args, code, says) in table {
        let output = mmh(at, args);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", both(&output));
        assert!(both(&output).contains(says), "{name}: {}", both(&output));
    }
}

fn change(bundle: &Path, change: impl Fn(&mut Vec<String>)) {
    let mut all = lines(bundle);
    change(&mut all);
    fs::write(bundle, all.join("\n") + "\n").expect("written");
}

/// An envelope with another statement, and the old signature.
fn with_payload(line: &str, change: impl Fn(String) -> String) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let mut envelope: Value = serde_json::from_str(line).expect("an envelope");
    let text = BASE64_STANDARD.decode(envelope["payload"].as_str().expect("base64")).expect("base64");
    let text = change(String::from_utf8(text).expect("text"));
    envelope["payload"] = json!(BASE64_STANDARD.encode(text));
    envelope.to_string()
}
