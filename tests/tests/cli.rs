//! The command line: what goes wrong, how it is said, and the exit code.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use mmh_tests::{cache_dir, guest};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir());
    for name in ["MMH_RUSTC", "MMH_LOG", "MOONSHOT_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program starts")
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A folder with a few harnesses and other files.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("good.rs", guest("run/ok.rs")),
        ("bad.rs", guest("compile/type_error.rs")),
        ("large.rs", " ".repeat(300 << 10)),
        ("learn.rs", guest("run/learn_panic.rs")),
        ("empty.wasm", String::new()),
        ("moved.toml", "[providers.ollama]\nbase_url = \"http://127.0.0.1:9/v1\"\n".into()),
        ("bad.toml", "[models.x]\nprize = 1\n".into()),
        ("good.toml", "[providers.lab]\nfree = true\napi = \"openai\"\nbase_url = \"http://lab/v1\"\n[models.\"lab/llama\"]\n".into()),
        ("bad.jsonl", "{\"text\":\"a\",\"label\":\"b\"}\n{\n".into()),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    fs::write(folder.path().join("core.wasm"), wat::parse_str("(module)").expect("wat")).expect("a file");
    fs::write(folder.path().join("empty_component.wasm"), wat::parse_str("(component)").expect("wat"))
        .expect("a file");
    fs::write(folder.path().join("keyvalue.wasm"), wat::parse_str(KEYVALUE).expect("wat")).expect("a file");
    fs::write(folder.path().join("future.wasm"), wat::parse_str(FUTURE).expect("wat")).expect("a file");
    folder
}

const KEYVALUE: &str = r#"(component (import "wasi:keyvalue/store@0.2.0" (instance)))"#;
const FUTURE: &str = r#"(component (import "mmh:harness/model@3.0.0" (instance)))"#;

#[test]
fn what_goes_wrong_is_said() {
    let folder = folder();
    let table: [(&[&str], i32, &str); 42] = [
        (&["check", "good.rs"], 0, "ok: component of"),
        (&["check", "bad.rs"], 1, "did-not-compile: error[E0277]"),
        (&["check", "bad.rs", "--json"], 1, "\"kind\": \"did-not-compile\""),
        (
            &["check", "large.rs"],
            1,
            "source-too-large: the source has 300 KiB, more than the limit of 256 KiB",
        ),
        (&["check", "nowhere.rs"], 2, "error: cannot read nowhere.rs: No such file"),
        (&["check", "good.rs", "--component-mib", "0"], 2, "--component-mib"),
        (
            &["check", "good.rs", "--rustc", "/nowhere/rustc"],
            3,
            "no Rust compiler: /nowhere/rustc cannot be used (No such file",
        ),
        (
            &["check", "good.rs", "--rustc", "/bin/true"],
            3,
            "/bin/true cannot be used (it does not say which version of Rust it is)",
        ),
        (
            &["eval", "good.rs"],
            2,
            "the target kimi-k2.6 has no key: set MOONSHOT_API_KEY in the environment or in .env; --mock runs",
        ),
        (&["run"], 2, "the proposer kimi-k2.6 has no key: set MOONSHOT_API_KEY"),
        (
            &["eval", "good.rs", "--target-model", "wizard"],
            2,
            "the model wizard is unknown: name its provider in front (such as openrouter/wizard or ollama/wizard), give --target-base-url",
        ),
        (
            &["eval", "good.rs", "--target-model", "gpt-9"],
            2,
            "the model gpt-9 has no price: --target-price gives one in US dollars per million tokens",
        ),
        (&["eval", "good.rs", "--target-model", "gpt-9", "--allow-unpriced"], 2, "set OPENAI_API_KEY"),
        (
            &["eval", "good.rs", "--target-model", "x", "--target-base-url", "http://me:secret@host"],
            2,
            "\"host\" is no base URL: a key does not belong into it",
        ),
        (
            &[
                "eval",
                "good.rs",
                "--target-model",
                "ollama/x",
                "--attempts",
                "1",
                "--target-base-url",
                "http://127.0.0.1:9/v1",
                "--allow-unpriced",
            ],
            3,
            "x at 127.0.0.1:9 (http://127.0.0.1:9/v1/chat/completions) cannot be reached",
        ),
        (&["run", "--target-price", "1"], 2, "two prices are expected, such as 0.95,4.00"),
        (&["run", "--budget-usd", "-1"], 2, "unexpected argument"),
        (&["run", "--budget-usd", "NaN"], 2, "an amount in US dollars from 0 to 1000000 is expected"),
        (
            &["run", "--dry-run", "--eval-size", "5"],
            0,
            "an estimate; nothing was spent and no model was asked",
        ),
        (&["run", "--dry-run", "--mock"], 2, "--mock costs nothing"),
        (&["run", "--dry-run", "--target-model", "gpt-9"], 2, "the model gpt-9 has no price"),
        (&["models"], 0, "MOONSHOT_API_KEY: not set"),
        (&["models", "--json"], 0, "\"above_input_tokens\": 100000"),
        (&["models", "--config", "nowhere.toml"], 2, "cannot read nowhere.toml: No such file"),
        (&["models", "--config", "bad.toml"], 2, "bad.toml: TOML parse error at line 2"),
        (&["models", "--config", "good.toml"], 0, "lab/llama"),
        (
            &["eval", "good.rs", "--config", "moved.toml", "--target-model", "ollama/x", "--attempts", "1"],
            3,
            "warning: by mmh.toml, calls to ollama go to http://127.0.0.1:9/v1",
        ),
        (
            &["eval", "good.rs", "--mock", "--target-model", "kimi-k2.6"],
            2,
            "kimi-k2.6 cannot be used with it",
        ),
        (&["eval", "bad.rs", "--mock"], 1, "did-not-compile"),
        (
            &["eval", "bad.rs", "--mock", "--budget-usd", "1"],
            1,
            "--budget-usd has no effect here: simulated models cost nothing",
        ),
        (
            &[
                "run",
                "--mock",
                "--run-id",
                "r",
                "--dataset",
                "nowhere",
                "--budget-usd",
                "1",
                "--candidate-budget-usd",
                "1",
            ],
            2,
            "--budget-usd and --candidate-budget-usd have no effect here: simulated models cost nothing",
        ),
        (
            &["eval", "learn.rs", "--mock"],
            1,
            "learn failed at batch 0: panic: panicked at learn.rs:11:9: cannot learn 20 examples",
        ),
        (&["eval", "empty.wasm", "--mock"], 1, "bad-component"),
        (&["eval", "core.wasm", "--mock"], 1, "it is a core module, not a component"),
        (&["eval", "empty_component.wasm", "--mock"], 1, "not a harness: no export"),
        (
            &["eval", "keyvalue.wasm", "--mock"],
            1,
            "bad-import: the component imports wasi:keyvalue/store@0.2.0, which a harness may not use",
        ),
        (
            &["eval", "future.wasm", "--mock"],
            1,
            "built against mmh:harness@3.0.0, but this mmh speaks mmh:harness@2.0.0: use an mmh that speaks",
        ),
        (&["eval", "good.rs", "--mock", "--dataset", "bad.jsonl"], 2, "bad.jsonl, line 2: it is not JSON"),
        (&["run", "--mock", "--run-id", "../x"], 2, "\"../x\" is no run id: use letters"),
        (&["run", "--mock", "--dataset", "nowhere"], 2, "\"nowhere\" is no data set"),
        (&["summary", "nowhere"], 2, "there is no run at nowhere: a run folder holds a config.json"),
        (&["frobnicate"], 2, "unrecognized subcommand"),
    ];
    for (args, code, says) in table {
        let output = mmh(folder.path(), args);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {says:?} is not in {said}");
    }
}

/// A key comes from the environment or from `.env`; whether it is there is shown, and what it is never.
#[test]
fn keys_are_found_and_not_shown() {
    let key = "sk-very-secret-1";
    // name, environment, .env, exit code, what is said
    let table = [
        ("neither", None, None, 0, "MOONSHOT_API_KEY: not set"),
        ("environment", Some(key), None, 0, "MOONSHOT_API_KEY: set"),
        ("an empty one is none", Some(" "), None, 0, "MOONSHOT_API_KEY: not set"),
        (
            ".env",
            None,
            Some(format!("# keys\nexport MOONSHOT_API_KEY='{key}'\n")),
            0,
            "MOONSHOT_API_KEY: set",
        ),
        (
            "an empty line of the example",
            None,
            Some("MOONSHOT_API_KEY=\n".into()),
            0,
            "MOONSHOT_API_KEY: not set",
        ),
        ("a broken line", None, Some(format!("{key}\nMOONSHOT_API_KEY=x\n")), 0, "MOONSHOT_API_KEY: set"),
        (
            "an odd line is named",
            None,
            Some(format!("\nMOONSHOT_API_KEY {key} '\n")),
            0,
            ".env:2: there is no =",
        ),
        (
            "many odd lines",
            None,
            Some(format!("{key}\n").repeat(9)),
            0,
            "warning: .env: 4 more lines are passed over",
        ),
        (
            "from Windows",
            None,
            Some(format!("\u{feff}MOONSHOT_API_KEY=\"{key}\"\r\n")),
            0,
            "MOONSHOT_API_KEY: set",
        ),
    ];
    for (name, set, dot_env, code, says) in table {
        let folder = folder();
        if let Some(text) = dot_env {
            fs::write(folder.path().join(".env"), text).expect("a file");
        }
        for args in [["models", "--verbose"], ["models", "--json"], ["doctor", "--json"]] {
            let mut command = command(folder.path(), &args);
            set.map(|value| command.env("MOONSHOT_API_KEY", value));
            let output = command.output().expect("it starts");
            let said = both(&output);
            assert_eq!(output.status.code(), Some(code), "{name}: {said}");
            assert!(args[1] == "--json" || said.contains(says), "{name}: {says:?} is not in {said}");
            assert!(!said.contains(key), "{name}: {said}");
        }
    }
}

/// What lies where a file of keys or settings is looked for, and is none.
#[test]
fn odd_files_of_keys_and_settings_keep_nobody_waiting() {
    use std::os::unix::fs::symlink;
    type Make = fn(&Path);
    let pipe = |path: &Path| {
        let made = Command::new("mkfifo").arg(path).status().expect("mkfifo starts");
        assert!(made.success());
    };
    let sparse = |path: &Path| fs::File::create(path).and_then(|file| file.set_len(1 << 40)).expect("made");
    let table: [(&str, Make, &str); 5] = [
        ("a folder", |path| fs::create_dir(path).expect("created"), "it is a folder"),
        ("a pipe", pipe, "it is no plain file"),
        ("a device", |path| symlink("/dev/zero", path).expect("linked"), "it is no plain file"),
        ("a sparse file", sparse, "it has 1024 GiB, more than the limit of 1 MiB"),
        (
            "a link in a circle",
            |path| symlink(path, path).expect("linked"),
            "Too many levels of symbolic links",
        ),
    ];
    for (name, make, says) in table {
        let folder = folder();
        for file in [".env", "odd.toml", "odd.rs", "odd.wasm"] {
            make(&folder.path().join(file));
        }
        for args in [
            &["models", "--json"][..],
            &["models", "--env-file", ".env"],
            &["doctor"],
            &["models", "--env-file", "good.toml", "--config", "odd.toml"],
            &["check", "odd.rs"],
            &["eval", "odd.rs", "--mock"],
            &["eval", "odd.wasm", "--mock"],
            &["inspect", "odd.wasm"],
            &["run", "--mock", "--baseline", "odd.rs"],
        ] {
            // Of a folder, `inspect` says that it has iterations.
            let is_run = name == "a folder" && args[0] == "inspect";
            let output = mmh(folder.path(), args);
            assert_eq!(output.status.code(), Some(2), "{name}: {args:?}: {}", both(&output));
            // A sparse file of a source or component is held against another limit.
            let says = if args.len() > 1 && args[1].starts_with("odd.") || args[0] == "run" {
                says.trim_end_matches(" 1 MiB")
            } else {
                says
            };
            assert!(is_run || both(&output).contains(says), "{name}: {args:?}: {}", both(&output));
        }
    }
}

/// An error shows how a command is used as its help does: what is optional is not shown as needed, also not what
/// the environment has set.
#[test]
fn usage_lines_show_what_is_needed() {
    let folder = folder();
    let usage = |text: &str| text.lines().find_map(|line| line.strip_prefix("Usage: ").map(str::to_owned));
    // command, arguments that are wrong
    let table: [(&str, &[&str]); 12] = [
        ("run", &["--iterations", "x"]),
        ("run", &["--nope"]),
        ("eval", &[]),
        ("check", &["--json"]),
        ("summary", &["--json", "--csv", "x"]),
        ("plot", &[]),
        ("verify", &["--iteration", "1"]),
        ("replay", &["x"]),
        ("replay", &["x", "--iteration", "1", "--live"]),
        ("diff", &["x", "1"]),
        ("export", &["x"]),
        ("gc", &["x"]),
    ];
    for (name, words) in table {
        let mut wrong = command(folder.path(), &[&[name], words].concat());
        let wrong = wrong.env("MMH_RUSTC", "rustc").output().expect("it starts");
        assert_eq!(wrong.status.code(), Some(2), "{name} {words:?}: {}", both(&wrong));
        let help = usage(&both(&mmh(folder.path(), &[name, "--help"])));
        let shown = usage(&both(&wrong));
        assert!(help.is_some() && (shown.is_none() || shown == help), "{name} {words:?}: {}", both(&wrong));
        let optional = ["--cache-dir", "--rustc", "--json", "--live", "--nope"];
        let needed = shown.unwrap_or_default();
        assert!(!optional.iter().any(|option| needed.contains(option)), "{name} {words:?}: {needed}");
    }
}

/// What a dry run estimates, for programs.
#[test]
fn a_dry_run_can_be_read_by_programs() {
    let folder = folder();
    let output = mmh(folder.path(), &["run", "--dry-run", "--json", "--eval-size", "5", "--iterations", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    let table = [
        ("/budget_usd", 15.0.into()),
        ("/iterations", 2.into()),
        ("/validation_examples", 5.into()),
        ("/baseline_per_example/calls", 1.into()),
        ("/estimate/1/calls/low", 15.into()),
        ("/estimate/1/calls/high", 15.into()),
        ("/estimate/2/what", "target kimi-k2.6, held-out".into()),
    ];
    for (pointer, expected) in table {
        assert_eq!(found.pointer(pointer), Some(&expected), "{pointer}: {found:#}");
    }
    let usd = |pointer: &str| found.pointer(pointer).and_then(Value::as_f64).expect("a number");
    let lines: f64 = (0..3).map(|at| usd(&format!("/estimate/{at}/usd/high"))).sum();
    assert!((lines - usd("/total_usd/high")).abs() < 1e-6 && usd("/total_usd/low") > 0.0, "{found:#}");
    assert!(!folder.path().join("runs").exists());
}

/// A compiler without the target that is not rustup's: the message says what to install.
#[test]
fn a_missing_target_says_what_to_install() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let script = format!(
        "#!/bin/sh\ncase $1 in -vV) printf 'rustc 1.95.0\\nrelease: 1.95.0\\nhost: x\\n';; *) echo {};; esac\n",
        folder.path().display()
    );
    let rustc = folder.path().join("rustc");
    fs::write(&rustc, script).expect("a file");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).expect("it may run");
    let output = mmh(folder.path(), &["check", "good.rs", "--rustc", "./rustc"]);
    let said = both(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in [
        "lacks the target wasm32-wasip2",
        "`rustup target add wasm32-wasip2`",
        "with a distribution's rustc: install",
        "--rustc PATH or MMH_RUSTC",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn a_run_is_never_overwritten() {
    let folder = folder();
    let args = ["run", "--mock", "--iterations", "0", "--eval-size", "2", "--no-test", "--run-id", "one"];
    assert_eq!(mmh(folder.path(), &args).status.code(), Some(0));
    let again = mmh(folder.path(), &args);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        both(&again).contains("the run one exists already in runs; choose another --run-id"),
        "{}",
        both(&again)
    );
}

#[test]
fn results_go_to_standard_output_only() {
    let folder = folder();
    let output = mmh(
        folder.path(),
        &["eval", "good.rs", "--mock", "--eval-size", "3", "--json", "--trace", "trace.jsonl"],
    );
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    assert_eq!(
        (&result["ok"], &result["score"]["n_examples"], &result["score"]["mock"]),
        (&true.into(), &3.into(), &true.into())
    );
    assert_eq!(fs::read_to_string(folder.path().join("trace.jsonl")).expect("a trace").lines().count(), 3);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("val 3/3 accuracy") && said.contains("simulated"), "{said}");
}

#[test]
fn doctor_reports() {
    let folder = folder();
    let output = command(folder.path(), &["doctor"])
        .env("OPENAI_API_KEY", "sk-very-secret")
        .output()
        .expect("it starts");
    let said = both(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "ok        compiler: rustc 1.",
        "ok        jail: ",
        "ok        host: ",
        "ok        cache: ",
        "key OPENAI_API_KEY: set",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
    let broken = mmh(folder.path(), &["doctor", "--rustc", "/nowhere/rustc", "--json"]);
    assert_eq!(broken.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&broken.stdout).expect("JSON");
    assert_eq!((&found["ok"], &found["findings"][0]["ok"]), (&false.into(), &false.into()));
}
