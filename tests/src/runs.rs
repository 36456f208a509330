//! Runs that tests copy, and what one does to a run folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use cap_std::{ambient_authority, fs::Dir};
use mmh_record::manifest::{self, Manifest};
use mmh_report::frontier;
use mmh_search::dataset::{self, BUILTIN};
use serde_json::{Value, json};

use crate::{
    cache_dir, environment,
    server::{Reply, Request, Server},
};

/// The published search with a real model, unpacked. It lies there as an archive, because its harnesses learn states of 2 MB.
pub fn published() -> &'static Path {
    static UNPACKED: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = crate::root().join("runs/gemma-3-270m.tar.xz");
        let unpacked = Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(folder.path()).status();
        assert!(unpacked.expect("tar starts").success());
        folder
    });
    static RUN: LazyLock<PathBuf> = LazyLock::new(|| UNPACKED.path().join("gemma-3-270m"));
    &RUN
}

/// Runs that were made once, by the arguments that they were made with.
static MADE: LazyLock<Mutex<BTreeMap<String, &'static Path>>> = LazyLock::new(Mutex::default);

/// A small finished run of simulated models, with held-out scores.
pub fn honest(program: &str) -> &'static Path {
    once(program, &["--mock", "--iterations", "3", "--eval-size", "6"])
}

/// A run that was made once with these arguments. It may have ended in any way.
pub fn once(program: &str, args: &[&str]) -> &'static Path {
    made(&args.join(" "), |folder| {
        let output = command(program, folder, args).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(folder.join("runs/a/config.json").is_file(), "{said}");
    })
}

/// A run of this name, made once by the closure in the folder that it gets.
pub fn made(name: &str, make: impl FnOnce(&Path)) -> &'static Path {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(name.to_owned()).or_insert_with(|| {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path());
        // It is needed until all tests have ended.
        Box::leak(folder.keep().join("runs/a").into_boxed_path())
    })
}

/// The program as it makes the run `runs/a` in a folder.
pub fn command(program: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let named = if args.contains(&"--run-id") { &[][..] } else { &["--run-id", "a"] };
    command.arg("run").args(named).args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command
}

/// A finished run that was paid for: a server on loopback is target and proposer. Its harnesses ask twice an
/// example and once a batch, and a trial is made before each submission.
pub fn paid(program: &str) -> &'static Path {
    made("paid", |folder| {
        let output =
            with_server(folder, program, &["--no-cache", "--budget-usd", "5", "--target-price", "1,5"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
}

/// The same run, stopped in its last evaluation, because the budget was spent.
pub fn stopped(program: &str) -> &'static Path {
    made("stopped", |folder| {
        // A call is 0.032 dollars; 37 are made by each iteration, and 27 by the trial.
        let output = with_server(
            folder,
            program,
            &["--no-cache", "--budget-usd", "3.05", "--target-price", "100,500"],
        );
        assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    })
}

/// A finished run whose replies of the target were kept from an earlier one.
pub fn kept(program: &str) -> &'static Path {
    made("kept", |folder| {
        let server = serve();
        let args = ["--budget-usd", "5", "--target-price", "1,5"];
        for run in ["b", "a"] {
            let output = asked(folder, program, &server.1.url, &[&args[..], &["--run-id", run]].concat());
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    })
}

/// Makes a run whose models are a server on loopback.
fn with_server(folder: &Path, program: &str, args: &[&str]) -> Output {
    let server = serve();
    asked(folder, program, &server.1.url, args)
}

/// A server that is target and proposer, and what it runs on.
fn serve() -> (tokio::runtime::Runtime, Server) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let val = dataset::load(BUILTIN, 0).expect("it loads").val;
    let id = dataset::sample(&val, 6, 0).remove(0).id.clone();
    let server = runtime.block_on(Server::start(move |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let content = match body["tools"].as_array() {
            Some(_) => proposal(body["messages"].as_array().map_or(0, Vec::len) / 2, &id),
            None => json!([{ "type": "text", "text": "migraine" }]),
        };
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        let reply = json!({ "content": content, "stop_reason": "end_turn", "usage": usage });
        Reply::new(200, reply.to_string()).after(Duration::from_millis(1))
    }));
    (runtime, server)
}

/// Makes a run whose models are at this address.
fn asked(folder: &Path, program: &str, url: &str, args: &[&str]) -> Output {
    let baseline = folder.join("baseline.rs");
    fs::write(&baseline, asking("v0")).expect("a file");
    let mut all = vec!["--eval-size", "6", "--no-test", "--concurrency", "2"];
    all.extend([
        "--baseline",
        baseline.to_str().expect("UTF-8"),
        "--iterations",
        "1",
        "--proposer-price",
        "1,5",
    ]);
    all.extend(["--target-model", "target", "--target-base-url", url, "--target-api", "anthropic"]);
    all.extend(["--proposer-model", "proposer", "--proposer-base-url", url, "--proposer-api", "anthropic"]);
    all.extend(args);
    command(program, folder, &all).output().expect("the program starts")
}

/// A harness that asks twice an example, the second time with the first reply, and once a batch of `learn`. Each version
/// is a harness of its own.
pub fn asking(version: &str) -> String {
    r#"use mmh_sdk::prelude::*;

struct Asking;

impl Harness for Asking {
    type State = u32;

    fn predict(_: &Task, state: &u32, input: &Input, model: &Model) -> Result<Answer> {
        let first = model.complete(&Request::new(format!("VERSION first {state} {input}")).max_tokens(64))?;
        let second = format!("VERSION second {} {input}", first.text);
        Ok(Answer::new(model.complete(&Request::new(second).max_tokens(64))?.text))
    }

    fn learn(_: &Task, state: u32, feedback: &[Feedback], model: &Model) -> Result<u32> {
        let about = feedback.first().map(|it| it.input.clone()).unwrap_or_default();
        model.complete(&Request::new(format!("VERSION learn {state} {about}")).max_tokens(64))?;
        Ok(state + 1)
    }
}

mmh_sdk::export!(Asking);
"#
    .replace("VERSION", version)
}

/// What the proposer says in a turn.
fn proposal(turn: usize, id: &str) -> Value {
    let call = |name: &str, input: Value| json!([{ "type": "tool_use", "id": format!("t{turn}"), "name": name, "input": input }]);
    match turn {
        0 => call("scoreboard", json!({})),
        1 => call("read_eval_trace", json!({ "iteration": 0, "limit": 2 })),
        2 => call("try_harness", json!({ "code": asking("v1"), "example_ids": [id] })),
        _ => call("write_harness", json!({ "code": asking("v1"), "reasoning": "# It asks twice" })),
    }
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// A copy of the honest run, in a folder of its own.
pub fn copied(program: &str) -> (tempfile::TempDir, PathBuf) {
    copy_of(honest(program))
}

/// A copy of a run, in a folder of its own.
pub fn copy_of(run: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let copied = folder.path().join("elsewhere");
    copy(run, &copied);
    (folder, copied)
}

/// Writes new manifests, as somebody would who wants to hide a change. A run that goes on has none of its own,
/// and folders without a manifest get none.
pub fn reseal(run: &Path) {
    let open = |path: &Path| Dir::open_ambient_dir(path, ambient_authority()).expect("it opens");
    let dir = open(run);
    let mut folders = manifest::folders_of(&dir).expect("listed");
    folders.retain(|folder| run.join(folder).join(manifest::NAME).is_file());
    let plain = |dir: &Dir| -> Vec<String> {
        let names = manifest::files_of(dir).expect("listed").into_iter();
        names.filter(|name| dir.symlink_metadata(name).is_ok_and(|found| found.is_file())).collect()
    };
    for folder in &folders {
        let inner = dir.open_dir(folder).expect("it opens");
        let sealed = Manifest::of(&inner, &plain(&inner)).expect("read");
        inner.write(manifest::NAME, sealed.bytes()).expect("written");
    }
    if !run.join(manifest::NAME).is_file() {
        return;
    }
    let mut paths = plain(&dir);
    paths.extend(folders.iter().map(|folder| format!("{folder}/{}", manifest::NAME)));
    dir.write(manifest::NAME, Manifest::of(&dir, &paths).expect("read").bytes()).expect("written");
}

/// Makes a finished run of simulated models one that was killed in this iteration, after so many of its
/// examples: with everything else as it had been written until then.
pub fn cut_off(run: &Path, index: u64, examples: usize) {
    let read = |file: &str| -> Value {
        serde_json::from_slice(&fs::read(run.join(file)).expect("read")).expect("JSON")
    };
    let (mut summary, mut cost) = (read("summary.json"), read("cost.json"));
    summary["finished_at"] = Value::Null;
    summary["test"] = json!([]);
    for list in ["iterations", "unscored"] {
        summary[list].as_array_mut().expect("a list").retain(|it| it["index"].as_u64() < Some(index));
    }
    let scored = summary["iterations"].as_array().cloned().unwrap_or_default();
    let accuracy = |it: &Value| it["score"]["accuracy"].as_f64().unwrap_or_default();
    let best = scored.iter().map(accuracy).fold(0.0, f64::max);
    summary["best_iteration_index"] =
        scored.iter().find(|it| accuracy(it) == best).map_or(Value::Null, |it| it["index"].clone());
    cost["iterations"].as_array_mut().expect("a list").retain(|it| it["index"].as_u64() < Some(index));
    let parts = cost["iterations"].as_array().cloned().unwrap_or_default();
    for (field, value) in cost["test"].as_object().cloned().unwrap_or_default() {
        let total: f64 = parts.iter().filter_map(|part| part[&field].as_f64()).sum();
        let [zero, total] = [0.0, total].map(|it| if value.is_u64() { json!(it as u64) } else { json!(it) });
        cost["test"][&field] = zero;
        cost[&field] = total.clone();
        summary["total_cost"][&field] = total;
    }
    for (file, value) in [("summary.json", &summary), ("cost.json", &cost)] {
        fs::write(run.join(file), format!("{value:#}\n")).expect("written");
    }
    let frontier = frontier::of(&serde_json::from_value(summary).expect("a summary"));
    let frontier = serde_json::to_value(frontier).expect("plain data");
    fs::write(run.join("frontier.json"), format!("{frontier:#}\n")).expect("written");
    for later in fs::read_dir(run.join("iterations")).expect("a folder").flatten() {
        let number: Option<u64> = later.file_name().to_str().and_then(|name| name.parse().ok());
        if number > Some(index) {
            fs::remove_dir_all(later.path()).expect("removed");
        }
    }
    let _ = fs::remove_dir_all(run.join("test"));
    let folder = run.join(format!("iterations/{index:03}"));
    let gone = [
        run.join("manifest.json"),
        folder.join("manifest.json"),
        folder.join("score.json"),
        folder.join("test-result.json"),
    ];
    gone.iter().for_each(|file| drop(fs::remove_file(file)));
    let traces = folder.join("eval_trace.jsonl");
    let text = fs::read_to_string(&traces).expect("read");
    let kept: String = text.split_inclusive('\n').take(examples).collect();
    fs::write(traces, kept).expect("written");
}
