//! The border of the process: readers that go away, disks that are full, arguments and variables that are no
//! text, signals. Nothing of it is a panic, and a search goes on as long as it can.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use mmh_tests::{cache_dir, guest, runs};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn command(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_LOG").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    /// It is read.
    Reader,
    /// Nobody reads any more.
    Nobody,
    /// A disk without room.
    Full,
}

impl To {
    fn stdio(self) -> Stdio {
        match self {
            Self::Reader => Stdio::piped(),
            Self::Nobody => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                drop(reader);
                writer.into()
            }
            Self::Full => fs::File::options().write(true).open("/dev/full").expect("it opens").into(),
        }
    }
}

/// A finished run, and a changed copy for which `verify` does not hold.
fn folder() -> (tempfile::TempDir, String) {
    let (folder, _) = runs::copied(PROGRAM);
    let changed = folder.path().join("changed");
    runs::copy(&folder.path().join("elsewhere"), &changed);
    fs::write(changed.join("iterations/000/reasoning.md"), "changed").expect("written");
    fs::write(folder.path().join("good.rs"), guest("run/ok.rs")).expect("written");
    fs::write(folder.path().join("bad.rs"), guest("compile/type_error.rs")).expect("written");
    (folder, "elsewhere".into())
}

/// Whoever reads or does not: the exit code is the command's own, but for a disk that is full.
#[test]
fn no_reader_and_no_room_are_no_panic() {
    let (folder, run) = folder();
    // arguments, exit code, whether something stands on standard output, and on standard error
    let table: [(&str, i32, bool, bool); 25] = [
        ("models", 0, true, false),
        ("models --json", 0, true, false),
        ("doctor", 0, true, false),
        ("completions bash", 0, true, false),
        ("--help", 0, true, false),
        ("run --help", 0, true, false),
        ("--version", 0, true, false),
        ("summary RUN", 0, true, false),
        ("summary RUN --json", 0, true, false),
        ("summary RUN --csv", 0, true, false),
        ("summary RUN --markdown", 0, true, false),
        ("cost RUN", 0, true, false),
        ("verify RUN", 0, true, false),
        ("verify changed", 1, true, false),
        ("report RUN -o -", 0, true, false),
        ("plot RUN -o a.svg", 0, true, false),
        ("diff RUN 0 1", 0, true, false),
        ("inspect RUN --iteration 1", 0, true, false),
        ("replay RUN --iteration 1", 0, true, true),
        ("gc --dry-run", 0, true, false),
        ("check good.rs", 0, true, false),
        ("check bad.rs", 1, true, false),
        ("eval good.rs --mock --eval-size 3", 0, true, true),
        ("check nowhere.rs", 2, false, true),
        ("no-such-command", 2, false, true),
    ];
    let ways = [
        (To::Reader, To::Reader),
        (To::Nobody, To::Reader),
        (To::Reader, To::Nobody),
        (To::Nobody, To::Nobody),
        (To::Full, To::Reader),
        (To::Reader, To::Full),
    ];
    for (words, code, prints, tells) in table {
        for (out, err) in ways {
            let words = words.replace("RUN", &run);
            let mut command = command(folder.path());
            let command = command.args(words.split(' ')).stdout(out.stdio()).stderr(err.stdio());
            let output = command.spawn().and_then(|child| child.wait_with_output()).expect("it starts");
            let lost = (out == To::Full && prints) || (err == To::Full && tells);
            let expected = if lost { 3 } else { code };
            let said = said(&output);
            assert_eq!(output.status.code(), Some(expected), "{words}, {out:?}, {err:?}: {said}");
            assert!(!said.contains("panicked"), "{words}, {out:?}, {err:?}: {said}");
            if out == To::Full && prints && err == To::Reader {
                assert!(said.contains("cannot write to standard output: No space left"), "{words}: {said}");
            }
        }
    }
}

/// A search is not ended by who no longer looks at it.
#[test]
fn a_search_goes_on_without_its_readers() {
    for (out, err, code) in
        [(To::Nobody, To::Nobody, 0), (To::Reader, To::Nobody, 0), (To::Full, To::Full, 3)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let args = [
            "run",
            "--mock",
            "--iterations",
            "2",
            "--eval-size",
            "4",
            "--no-test",
            "--run-id",
            "a",
            "--verbose",
        ];
        let mut command = command(folder.path());
        let status = command.args(args).stdout(out.stdio()).stderr(err.stdio()).status().expect("it starts");
        assert_eq!(status.code(), Some(code), "{out:?}, {err:?}");
        let summary = fs::read(folder.path().join("runs/a/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(3), "{out:?}, {err:?}");
        assert!(summary["finished_at"].is_string(), "{out:?}, {err:?}");
    }
}

/// A word with a byte that is no UTF-8, as Latin-1 writes it.
fn latin(before: &str, after: &str) -> OsString {
    OsStr::from_bytes(&[before.as_bytes(), b"\xdf", after.as_bytes()].concat()).to_owned()
}

#[test]
fn paths_may_be_any_bytes_and_words_may_not() {
    let (folder, run) = folder();
    let at = |name: OsString| folder.path().join(name);
    let source = latin("gru", "e.rs");
    fs::copy(folder.path().join("good.rs"), at(source.clone())).expect("copied");
    let linked = latin("run", "");
    symlink(&run, at(linked.clone())).expect("linked");
    let component = latin("c", ".wasm");
    fs::copy(folder.path().join(&run).join("iterations/000/harness.wasm"), at(component.clone()))
        .expect("copied");
    let plain = |words: &str| -> Vec<OsString> { words.split_whitespace().map(Into::into).collect() };
    let with = |before: &str, word: &OsString, after: &str| {
        [plain(before), vec![word.clone()], plain(after)].concat()
    };
    // arguments, exit code, what is said
    let table = [
        (with("check", &source, ""), 0, "ok: component"),
        (with("check --verbose", &source, "--json"), 0, "\"ok\": true"),
        (with("eval", &source, "--mock --eval-size 2"), 0, "accuracy"),
        (with("eval", &component, "--mock --eval-size 2"), 0, "accuracy"),
        (with("inspect", &component, ""), 0, "sha256"),
        (with("eval good.rs --mock --eval-size 2 --trace", &latin("t", ".jsonl"), ""), 0, "accuracy"),
        (with("summary", &linked, ""), 0, "SIMULATED"),
        (with("cost", &linked, ""), 0, "SIMULATED"),
        (with("verify", &linked, ""), 0, "all of it holds"),
        (with("diff", &linked, "0 1"), 0, "accuracy"),
        (with("replay", &linked, "--iteration 1 --harness good.rs"), 0, "examples"),
        (with("report", &linked, "-o a.html"), 0, "a.html"),
        (with("plot elsewhere -o", &latin("p", ".svg"), ""), 0, ".svg"),
        (with("export elsewhere -o", &latin("exported", ""), ""), 0, "iteration"),
        (with("run --resume", &linked, ""), 0, "the run is finished"),
        (with("check", &latin("nothing", ".rs"), ""), 2, "cannot read nothing\u{fffd}.rs: No such file"),
        (with("summary", &latin("nothing", ""), ""), 2, "there is no run at nothing\u{fffd}"),
        (with("view", &latin("nothing", ""), ""), 2, "nothing\u{fffd}"),
        (with("models --config", &latin("c", ".toml"), ""), 2, "cannot read c\u{fffd}.toml"),
        (with("check good.rs --rustc", &latin("rustc", ""), ""), 3, "rustc\u{fffd} cannot be used"),
        (with("check good.rs --cache-dir", &latin("cache", ""), ""), 2, "cache\u{fffd} is no UTF-8 text"),
        (
            with("eval good.rs --target-model", &latin("m", ""), ""),
            2,
            "the argument \"m\u{fffd}\" is no UTF-8 text",
        ),
        (with("eval good.rs --mock --dataset", &latin("d", ""), ""), 2, "nor a data set's path"),
        (with("run --run-id", &latin("r", ""), ""), 2, "the argument \"r\u{fffd}\" is no UTF-8 text"),
        (with("", &latin("command", ""), ""), 2, "unrecognized subcommand"),
        (with("completions", &latin("bash", ""), ""), 2, "bash\u{fffd}"),
    ];
    for (words, code, says) in table {
        let output = command(folder.path()).args(&words).output().expect("it starts");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(says) && !said.contains("panicked"), "{words:?}: {says:?} is not in {said}");
    }
}

#[test]
fn variables_that_are_no_text_are_named() {
    let (folder, _) = folder();
    let key = [
        "eval",
        "good.rs",
        "--target-key-env",
        "LABKEY",
        "--target-base-url",
        "http://127.0.0.1:9",
        "--target-model",
        "m",
        "--allow-unpriced",
    ];
    for (name, args) in [("MMH_LOG", &["models"][..]), ("MOONSHOT_API_KEY", &["models"]), ("LABKEY", &key)] {
        let output = command(folder.path()).args(args).env(name, latin("a", "")).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
        let says = format!("the environment variable {name} is no UTF-8 text");
        assert!(said(&output).contains(&says), "{name}: {}", said(&output));
    }
}

/// SIGTERM is what `timeout`, service managers and containers send: it ends a run as Ctrl-C does.
#[test]
fn a_signal_lets_what_is_under_way_finish() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().expect("a folder");
        // Slow enough to be stopped: every example looks at its clock a hundred thousand times.
        let slow = guest("hostile/run/clock_busy_wait.rs").replace("as_secs() < 3600", "as_millis() < 100");
        fs::write(folder.path().join("slow.rs"), slow).expect("a file");
        let args = [
            "run",
            "--mock",
            "--iterations",
            "1",
            "--run-id",
            "a",
            "--baseline",
            "slow.rs",
            "--concurrency",
            "2",
        ];
        let mut command = command(folder.path());
        let child =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let trace = folder.path().join("runs/a/iterations/000/eval_trace.jsonl");
        let deadline = Instant::now() + Duration::from_secs(120);
        while fs::read_to_string(&trace).unwrap_or_default().lines().count() < 2 {
            assert!(Instant::now() < deadline, "the evaluation begins");
            std::thread::sleep(Duration::from_millis(20));
        }
        let sent =
            Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
        assert!(sent.success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{signal}: {}", said(&output));
        let says =
            "stopped by Ctrl-C or SIGTERM; what was finished is in runs/a; `mmh run --resume runs/a` goes on";
        assert!(said(&output).contains(says), "{signal}: {}", said(&output));
        let output = self::command(folder.path()).args(["summary", "runs/a"]).output().expect("it starts");
        for part in [
            "not finished",
            "stopped, interrupted",
            "not scored: interrupted: stopped after",
            "of 100 examples",
        ] {
            assert!(said(&output).contains(part), "{signal}: {part:?} is not in {}", said(&output));
        }
    }
}

/// A view is ended by the same signals, and that is no failure.
#[test]
fn a_view_ends_by_a_signal() {
    let (folder, run) = folder();
    for signal in ["-INT", "-TERM"] {
        let mut command = command(folder.path());
        let mut child = command
            .args(["view", &run])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("the address");
        let sent =
            Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
        assert!(sent.success() && line.starts_with("http://127.0.0.1:"), "{line}");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{signal}");
    }
}
