//! A kernel without Landlock: what `doctor` says of it, that nothing is compiled, and what
//! `--allow-unconfined` changes. The kernel is simulated by a seccomp filter that the program inherits.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use mmh_tests::{cache_dir, guest};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Runs the program where asking for Landlock is answered as by a kernel that has none.
fn without_landlock(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_RUSTC");
    // A filter holds for the thread that takes it on, and for what that thread starts.
    let thread = std::thread::spawn(move || {
        let rules = BTreeMap::from([(libc::SYS_landlock_create_ruleset, Vec::new())]);
        let arch = std::env::consts::ARCH.try_into().expect("a known processor");
        let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, no_such_call, arch).expect("a filter");
        let program: BpfProgram = filter.try_into().expect("a program");
        seccompiler::apply_filter(&program).expect("the filter holds");
        command.output().expect("the program starts")
    });
    thread.join().expect("no panic")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn features(output: &Output) -> BTreeMap<String, bool> {
    let found = json(output);
    let rows = found["jail"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| (row["name"].as_str().unwrap_or_default().to_owned(), row["ok"] == true)).collect()
}

#[test]
fn doctor_tells_features_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = Command::new(PROGRAM)
        .args(["doctor", "--json"])
        .current_dir(folder.path())
        .env("MMH_CACHE_DIR", cache_dir())
        .output()
        .expect("it starts");
    assert!(features(&here).len() >= 9 && features(&here).values().all(|ok| *ok), "{}", said(&here));

    let there = without_landlock(folder.path(), &["doctor", "--json"]);
    assert_eq!(there.status.code(), Some(1));
    let missing: Vec<String> =
        features(&there).into_iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect();
    assert_eq!(missing, ["files", "folders", "landlock"], "the rest holds: {}", said(&there));
    let shown = said(&without_landlock(folder.path(), &["doctor"]));
    for part in [
        "PROBLEM   jail: this kernel has no Landlock; missing: landlock, files, folders; --allow-unconfined",
        "MISSING     landlock: this kernel has none: Linux 5.13",
        "            seccomp: a socket cannot be opened",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}

#[test]
fn it_is_refused_or_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    // Reads a file of the user's while it is compiled, which shows that the jail is not whole.
    let reads = guest("compile/read_file.rs")
        .replace("/etc/passwd", &folder.path().join("mine").display().to_string());
    fs::write(folder.path().join("mine"), "a file of the user's").expect("a file");
    fs::write(folder.path().join("reads.rs"), reads).expect("a file");
    fs::write(folder.path().join("good.rs"), guest("run/ok.rs")).expect("a file");
    let table: [(&[&str], i32, &str); 6] = [
        (&["check", "good.rs"], 3, "error: this kernel has no Landlock, which keeps a candidate's source"),
        (&["eval", "good.rs", "--mock"], 3, "--allow-unconfined goes on without it"),
        (&["run", "--mock"], 3, "--allow-unconfined goes on without it"),
        (&["check", "good.rs", "--allow-unconfined"], 0, "warning: this kernel has no Landlock"),
        (&["check", "reads.rs", "--allow-unconfined"], 1, "the source takes in another file"),
        (
            &[
                "run",
                "--mock",
                "--iterations",
                "0",
                "--eval-size",
                "2",
                "--no-test",
                "--run-id",
                "a",
                "--allow-unconfined",
            ],
            0,
            "UNCONFINED: the kernel had no Landlock",
        ),
    ];
    for (args, code, says) in table {
        let output = without_landlock(folder.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{args:?}: {}", said(&output));
    }
    let config: Value =
        serde_json::from_slice(&fs::read(folder.path().join("runs/a/config.json")).expect("a run"))
            .expect("JSON");
    assert_eq!(config["confinement"], "no-landlock");
    let summary = Command::new(PROGRAM)
        .args(["summary", "runs/a"])
        .current_dir(folder.path())
        .output()
        .expect("it starts");
    assert!(said(&summary).contains("UNCONFINED"), "every summary says so: {}", said(&summary));
}
