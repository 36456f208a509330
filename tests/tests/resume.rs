//! Runs that were stopped go on: after Ctrl-C, after a spent budget, after a full disk. And what cannot go on
//! says why: another writer, another server, another data set, damaged files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use mmh_record::format::Config;
use mmh_tests::{
    cache_dir, copy_folder, environment, files_below,
    runs::cut_off,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];
const MOCK: [&str; 8] = ["run", "--mock", "--iterations", "2", "--eval-size", "20", "--run-id", "a"];

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A finished run that nobody stopped, made once.
fn whole() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, run) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let output = mmh(folder.path(), &[&MOCK[..], &CLOCK].concat());
        assert!(output.status.success(), "{}", said(&output));
        let run = folder.path().join("runs/a");
        (folder, run)
    });
    run
}

fn assert_same(run: &Path) {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let all = files_below(folder).into_iter();
        all.map(|path| path.strip_prefix(folder).expect("below").to_owned()).collect()
    };
    assert_eq!(names(whole()), names(run));
    for name in names(run) {
        assert!(fs::read(run.join(&name)).ok() == fs::read(whole().join(&name)).ok(), "{}", name.display());
    }
}

/// Waits until a file has so many lines.
fn wait_for(file: &Path, lines: usize, child: &mut Child) {
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.lines().count() >= lines {
            return;
        }
        assert!(child.try_wait().expect("its state").is_none(), "it has ended before {}", file.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ctrl-C in an evaluation, and in the proposer's conversation.
#[test]
fn a_run_that_was_interrupted_goes_on_to_the_same_end() {
    let table = [
        ("evaluating", "iterations/000/eval_trace.jsonl", 3),
        ("proposing", "iterations/001/proposer.jsonl", 5),
    ];
    for (name, file, lines) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("runs/a");
        let mut child = command(folder.path(), &[&MOCK[..], &CLOCK].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        wait_for(&run.join(file), lines, &mut child);
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupt.expect("kill starts").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{name}: {}", said(&output));
        assert!(said(&output).contains("`mmh run --resume runs/a` goes on"), "{name}: {}", said(&output));
        let summary: Value =
            serde_json::from_slice(&fs::read(run.join("summary.json")).expect("read")).expect("JSON");
        assert_eq!(summary["stopped"]["status"], "interrupted", "{name}");
        assert_eq!(mmh(folder.path(), &["verify", "runs/a"]).status.code(), Some(0), "{name}");
        let output = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], &CLOCK].concat());
        assert!(output.status.success(), "{name}: {}", said(&output));
        assert_same(&run);
        let again = mmh(folder.path(), &["run", "--resume", "runs/a"]);
        assert!(again.status.success() && said(&again).contains("the run is finished"), "{}", said(&again));
        assert_same(&run);
    }
}

/// A finished run is made longer and stopped before its end: its held-out evaluations from before stay what they were.
#[test]
fn a_finished_run_that_is_made_longer_and_stopped_verifies() {
    for (name, signal) in [("stopped", "-INT"), ("killed", "-KILL")] {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("runs/a");
        copy_folder(whole(), &run);
        let mut child = command(folder.path(), &["run", "--resume", "runs/a", "--iterations", "40"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        wait_for(&run.join("iterations/003/proposer.jsonl"), 3, &mut child);
        let stopped = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(stopped.expect("kill starts").success());
        child.wait().expect("it ends");
        let output = mmh(folder.path(), &["verify", "runs/a"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
        let score = run.join("test/000/score.json");
        let text = fs::read_to_string(&score).expect("read");
        fs::write(&score, text.replacen("\"n_correct\": 1", "\"n_correct\": 2", 1)).expect("written");
        assert_eq!(mmh(folder.path(), &["verify", "runs/a"]).status.code(), Some(1), "{name}: changed");
    }
}

const USAGE: &str = r#""usage":{"input_tokens":300,"output_tokens":4}"#;

async fn server(after: Duration) -> Server {
    Server::start(move |_: &Request| {
        let content = json!([{ "type": "text", "text": "migraine" }]);
        Reply::new(200, format!(r#"{{"content":{content},"stop_reason":"end_turn",{USAGE}}}"#)).after(after)
    })
    .await
}

/// How a paid run of the baseline alone is asked for, with this server.
fn paid<'a>(server: &'a Server, budget: &'a str) -> Vec<&'a str> {
    let mut args =
        vec!["run", "--run-id", "a", "--iterations", "0", "--eval-size", "40", "--no-test", "--no-cache"];
    args.extend(["--target-price", "1,5", "--proposer-price", "1,5", "--budget-usd", budget]);
    args.extend(servers(server));
    args
}

fn servers(server: &Server) -> [&str; 8] {
    let url = server.url.as_str();
    let (target, proposer) = ("--target-base-url", "--proposer-base-url");
    [target, url, "--target-api", "anthropic", proposer, url, "--proposer-api", "anthropic"]
}

/// The budget is spent half-way; with more of it, only what is missing is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_can_be_raised() {
    let server = server(Duration::from_millis(2)).await;
    let folder = tempfile::tempdir().expect("a folder");
    // 40 calls at 0.00032.
    let stopped = mmh(folder.path(), &paid(&server, "0.008"));
    assert_eq!(stopped.status.code(), Some(4), "{}", said(&stopped));
    let before = server.journal().len();
    assert!((10..40).contains(&before), "{before} calls");
    let spent = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], &servers(&server)].concat());
    assert_eq!(spent.status.code(), Some(4), "with the same budget: {}", said(&spent));
    assert_eq!(server.journal().len(), before, "nothing was asked");
    let raised = [&["run", "--resume", "runs/a", "--budget-usd", "1"][..], &servers(&server)].concat();
    let output = mmh(folder.path(), &raised);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(server.journal().len(), 40, "each call once");
    let cost: Value =
        serde_json::from_slice(&fs::read(folder.path().join("runs/a/cost.json")).expect("read"))
            .expect("JSON");
    assert_eq!((&cost["budget_usd"], &cost["estimated_usd"]), (&json!(1.0), &json!(0.0128)));
    let verified = mmh(folder.path(), &["verify", "runs/a"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// What held-out evaluations were billed is theirs: an iteration that is added afterwards does not pay for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_added_iteration_is_billed_its_own_calls() {
    let server = server(Duration::from_millis(1)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut args = paid(&server, "1");
    args.retain(|arg| *arg != "--no-test");
    let output = mmh(folder.path(), &args);
    assert!(output.status.success(), "{}", said(&output));
    let (before, run) = (server.journal().len(), folder.path().join("runs/a"));
    assert_eq!(before, 40 + 220, "validation and held-out examples");
    let longer = [&["run", "--resume", "runs/a", "--iterations", "1"][..], &servers(&server)].concat();
    let output = mmh(folder.path(), &longer);
    assert!(output.status.success(), "{}", said(&output));
    // The proposer calls no tool, and gives up after three turns.
    let calls = |count: u32| json!(f64::from(32 * count) / 100_000.0);
    assert_eq!(server.journal().len(), before + 3);
    let cost = json_of(&run, "cost.json");
    let billed = |part: &Value| json!([part["estimated_usd"], part["unknown_usd"]]);
    assert_eq!(billed(&cost["iterations"][1]), json!([calls(3), 0.0]));
    assert_eq!((billed(&cost["test"]), billed(&cost)), (json!([calls(220), 0.0]), json!([calls(263), 0.0])));
    let verified = mmh(folder.path(), &["verify", "runs/a"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// One writer a run; and no other server than the run's.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_write_one_run() {
    // Longer than a lock is waited for.
    let server = server(Duration::from_millis(1500)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = command(folder.path(), &paid(&server, "1"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    wait_for(&folder.path().join("runs/a/iterations/000/model_calls.jsonl"), 1, &mut first);
    let second = mmh(folder.path(), &["run", "--resume", "runs/a"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(said(&second).contains("the run runs/a is being written by another mmh"), "{}", said(&second));
    let read = mmh(folder.path(), &["summary", "runs/a"]);
    assert!(read.status.success(), "reading is allowed: {}", said(&read));
    first.kill().and_then(|()| first.wait()).expect("it is killed");
    let other = format!("{}/elsewhere", server.url);
    let moved = ["--target-base-url", &other, "--target-api", "anthropic"];
    // name, arguments
    for (name, args) in [("the provider's own server", &[][..]), ("another server", &moved)] {
        let output = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], args].concat());
        let says = "name it with --proposer-base-url, and its key with --proposer-key-env";
        assert!(output.status.code() == Some(2) && said(&output).contains(says), "{name}: {}", said(&output));
    }
}

/// What goes on with a run that is not told to.
#[test]
fn what_decides_a_run_is_not_said_again() {
    let (folder, run) = copied();
    let run = run.to_str().expect("UTF-8");
    let nothing = folder.path().join("nothing").display().to_string();
    let source = folder.path().join("h.rs").display().to_string();
    fs::write(&source, "").expect("written");
    // name, arguments, exit code, what is said
    let table: [(&str, &[&str], i32, &str); 24] = [
        ("another seed", &["--resume", run, "--seed", "1"], 2, "--seed 1: the run has 0 since it was begun"),
        ("the same seed", &["--resume", run, "--seed", "0"], 0, "the run is finished"),
        ("simulated models, as it has", &["--resume", run, "--mock"], 0, "the run is finished"),
        (
            "fewer iterations",
            &["--resume", run, "--iterations", "1"],
            2,
            "--iterations 1: the run has 2, and can be made longer but not shorter",
        ),
        ("the same iterations", &["--resume", run, "--iterations", "2"], 0, "the run is finished"),
        ("other examples", &["--resume", run, "--eval-size", "21"], 2, "--eval-size 21: the run has 20"),
        ("another limit", &["--resume", run, "--fuel", "9"], 2, "--fuel 9: the run has 10000000000"),
        ("the same limit", &["--resume", run, "--fuel", "10000000000"], 0, "the run is finished"),
        ("the same limit with zeros", &["--resume", run, "--memory-mib", "0256"], 0, "the run is finished"),
        ("memory of the compiler", &["--resume", run, "--rustc-memory-mib", "4096"], 2, "the run has 2048"),
        ("turns of the proposer", &["--resume", run, "--proposer-steps", "9"], 2, "the run has 24"),
        ("another baseline", &["--resume", run, "--baseline", &source], 2, "is for new runs"),
        ("another name", &["--resume", run, "--run-id", "b"], 2, "--run-id b: the run has a since"),
        (
            "another folder of runs",
            &["--resume", run, "--runs-dir", "runs"],
            2,
            "--runs-dir runs is for new runs",
        ),
        ("no leaks", &["--resume", run, "--deny-leaks"], 2, "--deny-leaks: the run has false"),
        ("no held-out score", &["--resume", run, "--no-test"], 2, "--no-test: the run has false"),
        ("no kept replies", &["--resume", run, "--no-cache"], 2, "--no-cache is for new runs"),
        (
            "thinking",
            &["--resume", run, "--target-thinking", "on"],
            2,
            "--target-thinking on is for new runs",
        ),
        ("a dry run", &["--resume", run, "--dry-run"], 2, "--dry-run is for new runs"),
        (
            "what may change",
            &["--resume", run, "--attempts", "9", "--concurrency", "2"],
            0,
            "--iterations N makes it longer",
        ),
        ("no run", &["--resume", &nothing], 2, "there is no run at"),
        ("a finished run", &["--resume", run], 0, "the run is finished"),
        (
            "a new run of that name",
            &["--mock", "--run-id", "elsewhere", "--runs-dir", ".."],
            2,
            "exists already",
        ),
        ("a run in a run", &["--mock", "--runs-dir", run], 2, "is the folder of a run"),
    ];
    let inner = folder.path().join("x");
    fs::create_dir(&inner).expect("a folder");
    for (name, args, code, says) in table {
        let output = mmh(&inner, &[&["run"][..], args].concat());
        assert_eq!(output.status.code(), Some(code), "{name}: {}", said(&output));
        assert!(said(&output).contains(says), "{name}: {}", said(&output));
    }
}

/// A finished run can be made longer, and what changes no result can be changed. Both are recorded.
#[test]
fn a_finished_run_can_be_made_longer() {
    let (folder, run) = copied();
    let before = files_below(&run).len();
    let longer =
        ["run", "--resume", "elsewhere", "--iterations", "4", "--attempts", "9", "--concurrency", "3"];
    let more = ["--example-timeout-s", "90", "--patience", "5", "--fixed-clock", "2026-01-02T00:00:00Z"];
    let output = mmh(folder.path(), &[&longer[..], &more].concat());
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("going on with a: 3 of 5 iterations are there"), "{}", said(&output));
    let (config, summary) = (json_of(&run, "config.json"), json_of(&run, "summary.json"));
    assert_eq!(summary["config"], config);
    assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(5));
    assert!(summary["finished_at"].is_string() && files_below(&run).len() > before);
    let expected = json!([{
        "at": "2026-01-02T00:00:00Z",
        "from_iteration": 3,
        "changes": [
            { "what": "/iterations", "from": 2, "to": 4 },
            { "what": "/concurrency", "from": 16, "to": 3 },
            { "what": "/limits/example_wall_ms", "from": 60_000, "to": 90_000 },
            { "what": "/limits/attempts", "from": 6, "to": 9 },
            { "what": "/patience", "from": 3, "to": 5 },
        ],
    }]);
    assert_eq!(config["resumes"], expected);
    assert_eq!(
        (&config["iterations"], &config["patience"], &config["limits"]["attempts"]),
        (&json!(4), &json!(5), &json!(9))
    );
    let config: Config = serde_json::from_value(config).expect("a configuration");
    let first: Config = serde_json::from_value(json_of(whole(), "config.json")).expect("a configuration");
    assert_eq!((config.as_of(2), config.at_first()), (Some(first.clone()), Some(first)));
    assert_eq!(config.as_of(3), Some(config));
    // The harness that was the best before keeps its held-out score.
    let tested = |summary: &Value| -> Vec<u64> {
        let tests = summary["test"].as_array().cloned().unwrap_or_default();
        tests.iter().filter_map(|it| it["index"].as_u64()).collect()
    };
    let earlier = tested(&json_of(whole(), "summary.json"));
    assert!(earlier.iter().all(|index| tested(&summary).contains(index)), "{earlier:?}");
    let verified = mmh(folder.path(), &["verify", "elsewhere"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // It is still one's own, with what was changed.
    let again =
        mmh(folder.path(), &[&["run", "--resume", "elsewhere", "--iterations", "5"][..], &CLOCK].concat());
    assert!(again.status.success() && !said(&again).contains("was not started here"), "{}", said(&again));
    let config = json_of(&run, "config.json");
    assert_eq!(config["resumes"].as_array().map(Vec::len), Some(2));
    assert_eq!((&config["iterations"], &config["concurrency"]), (&json!(5), &json!(3)));
}

fn json_of(run: &Path, file: &str) -> Value {
    serde_json::from_slice(&fs::read(run.join(file)).expect("read")).expect("JSON")
}

/// A copy of the whole run.
fn copied() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("elsewhere");
    copy_folder(whole(), &run);
    (folder, run)
}

/// What is half there is made whole; what is damaged is named, and the rest stays readable.
#[test]
fn damage_is_named_and_the_rest_is_readable() {
    type Damage = fn(&Path);
    type Says = [(&'static str, i32, &'static str); 4];
    fn insert(path: PathBuf) {
        let text = fs::read_to_string(&path).expect("read");
        let at = text.find('\n').expect("lines") + 1;
        fs::write(path, format!("{}garbage\n{}", &text[..at], &text[at..])).expect("written");
    }
    fn truncate(path: PathBuf) {
        let bytes = fs::read(&path).expect("read");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    }
    // name, damage, commands with their exit codes and what they say; the last one resumes
    let table: [(&str, Damage, Says); 6] = [
        ("nothing", |_| {}, [("summary", 0, ""), ("cost", 0, ""), ("verify", 0, ""), ("resume", 0, "")]),
        (
            "a line that was cut off",
            |run| {
                let path = run.join("iterations/002/eval_trace.jsonl");
                let text = fs::read_to_string(&path).expect("read");
                fs::write(path, format!("{text}{{\"example_id\": \"val")).expect("written");
            },
            [("summary", 0, ""), ("cost", 0, ""), ("verify", 0, ""), ("resume", 0, "")],
        ),
        (
            "a summary that ends half-way",
            |run| truncate(run.join("summary.json")),
            [
                ("summary", 3, "summary.json is damaged"),
                ("cost", 0, ""),
                ("verify", 1, "summary.json"),
                ("resume", 3, "summary.json is damaged"),
            ],
        ),
        (
            "costs that end half-way",
            |run| truncate(run.join("cost.json")),
            [
                ("summary", 0, ""),
                ("cost", 3, "cost.json is damaged"),
                ("verify", 1, "cost.json"),
                // Costs are added up anew from what is on record.
                ("resume", 0, ""),
            ],
        ),
        (
            "garbage among outcomes",
            |run| insert(run.join("iterations/002/eval_trace.jsonl")),
            [
                ("summary", 0, ""),
                ("cost", 0, ""),
                ("verify", 1, "iterations/002/eval_trace.jsonl"),
                ("resume", 3, "iterations/002/eval_trace.jsonl is damaged: line 2"),
            ],
        ),
        (
            "garbage in the transcript",
            |run| insert(run.join("iterations/002/proposer.jsonl")),
            [
                ("summary", 0, ""),
                ("cost", 0, ""),
                ("verify", 1, "iterations/002/proposer.jsonl"),
                ("resume", 3, "iterations/002/proposer.jsonl is damaged: line 2"),
            ],
        ),
    ];
    for (name, damage, commands) in table {
        let (folder, run) = copied();
        cut_off(&run, 2, 7);
        damage(&run);
        for (command, code, says) in commands {
            let args = match command {
                "resume" => [&["run", "--resume", "elsewhere"][..], &CLOCK].concat(),
                _ => vec![command, "elsewhere"],
            };
            let output = mmh(folder.path(), &args);
            let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), said(&output));
            assert_eq!(output.status.code(), Some(code), "{name}: {command}: {all}");
            assert!(all.contains(says), "{name}: {command}: {all}");
            if command == "resume" && code == 0 {
                assert_same(&run);
            }
        }
    }
}

/// On a disk that fills up the run stops with the file's name, stays readable, and goes on elsewhere. On one
/// that cannot be written it says so.
#[test]
fn a_full_or_read_only_disk_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (small, saved) = (folder.path().join("small"), folder.path().join("saved"));
    fs::create_dir(&small).expect("a folder");
    // In a mount namespace of its own, which ends with it.
    let script = r#"
        mount -t tmpfs -o size=1200k none "$1"
        "$3" run --mock --iterations 2 --eval-size 20 --run-id a --runs-dir "$1" --fixed-clock 2026-01-01T00:00:00Z
        echo "run: $?"
        "$3" summary "$1/a" > "$2.summary"
        echo "summary: $?"
        cp -r "$1/a" "$2"
        mount -o remount,ro "$1"
        "$3" summary "$1/a" > "$2.summary"
        echo "read-only summary: $?"
        "$3" run --resume "$1/a"
        echo "read-only resume: $?"
    "#;
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .args([&small, &saved])
        .arg(PROGRAM)
        .env_clear()
        .envs(environment())
        .env("MMH_CACHE_DIR", cache_dir())
        .output()
        .expect("unshare starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), said(&output));
    for line in ["run: 3", "summary: 0", "read-only summary: 0", "read-only resume: 3"] {
        assert!(out.lines().any(|it| it == line), "{line} is not in {out}{err}");
    }
    assert!(err.contains("iterations/") && err.contains("No space left on device"), "{err}");
    assert!(err.contains(": Read-only file system"), "{err}");
    println!("{err}");
    let resumed = mmh(folder.path(), &[&["run", "--resume", "saved"][..], &CLOCK].concat());
    assert!(resumed.status.success(), "{}", said(&resumed));
    assert_same(&saved);
}
