//! Searches that end before their last iteration: for a broken baseline, before anything is spent; for a
//! proposer that gives up again and again; and for a model that is dead when the held-out score is made.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mmh_search::dataset::{self, BUILTIN};
use mmh_tests::{
    cache_dir, environment, files_below, guest,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

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
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn summary(folder: &Path) -> Value {
    let bytes = fs::read(folder.join("runs/a/summary.json")).expect("a summary");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// A folder with harnesses in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, source) in [
        ("good.rs", guest("run/ok.rs")),
        ("no_types.rs", guest("compile/type_error.rs")),
        ("empty.rs", String::new()),
        ("panics.rs", guest("run/panic.rs")),
        ("loops.rs", guest("run/out_of_fuel.rs")),
        ("learns.rs", guest("run/learn_panic.rs")),
        ("deaf.rs", deaf()),
        ("constant.rs", constant(&usual_label())),
    ] {
        fs::write(folder.path().join(name), source).expect("written");
    }
    folder
}

/// Answers the same to everything, and asks nobody.
fn constant(label: &str) -> String {
    let body = format!("Ok(Answer::new({label:?}))");
    guest("run/ok.rs")
        .replace(
            "let reply = model.ask(format!(\"{} {input}\", task.instructions))?;",
            "let _ = (task, input, model);",
        )
        .replace("Ok(Answer::new(reply))", &body)
}

/// The right answer to most of the 20 validation examples of these runs.
fn usual_label() -> String {
    let val = dataset::sample(&dataset::load(BUILTIN, 0).expect("it loads").val, 20, 0);
    let count = |label: &str| val.iter().filter(|it| it.gold == label).count();
    val.iter().map(|it| it.gold.clone()).max_by_key(|label| count(label)).expect("examples")
}

/// Asks, and cannot read any answer.
fn deaf() -> String {
    guest("run/ok.rs").replace("Ok(Answer::new(reply))", "bail!(\"no label: {reply}\")")
}

/// Everything that a server needs to play both models.
#[derive(Clone)]
struct Models {
    /// What the proposer submits; nothing means that it only talks.
    submits: Option<String>,
    /// Right labels by text, and whether the text is held out.
    labels: Arc<HashMap<String, (String, bool)>>,
    /// Whether the target refuses held-out texts.
    dead: Arc<AtomicBool>,
}

impl Models {
    fn new(submits: Option<String>) -> Self {
        let data = dataset::load(BUILTIN, 0).expect("it loads");
        let of = |examples: &[dataset::Example], held_out| -> Vec<(String, (String, bool))> {
            examples.iter().map(|it| (it.input.text.clone(), (it.gold.clone(), held_out))).collect()
        };
        let labels = of(&data.val, false).into_iter().chain(of(&data.test, true)).collect();
        Self { submits, labels: Arc::new(labels), dead: Arc::new(AtomicBool::new(true)) }
    }

    async fn serve(self) -> Server {
        Server::start(move |request: &Request| self.answer(request)).await
    }

    fn answer(&self, request: &Request) -> Reply {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        if body["model"] == "proposer" {
            let talk = json!({ "type": "text", "text": "I would rather not." });
            return reply(self.submits.as_ref().map_or(talk, |code| {
                let input = json!({ "code": code, "reasoning": "# An idea" });
                json!({ "type": "tool_use", "id": "t1", "name": "write_harness", "input": input })
            }));
        }
        let asked = body["messages"][0]["content"].to_string();
        let found =
            self.labels.iter().find(|(text, _)| asked.contains(json!(text).to_string().trim_matches('"')));
        match found {
            Some((_, (_, true))) if self.dead.load(Ordering::Relaxed) => {
                Reply::new(401, r#"{"error":{"type":"authentication_error","message":"key revoked"}}"#)
            }
            Some((_, (label, _))) => reply(json!({ "type": "text", "text": label })),
            None => reply(json!({ "type": "text", "text": "nonsense" })),
        }
    }
}

fn reply(block: Value) -> Reply {
    let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
    Reply::new(200, json!({ "content": [block], "stop_reason": "end_turn", "usage": usage }).to_string())
}

fn of_proposer(server: &Server) -> usize {
    server.journal().iter().filter(|request| request.body.contains("\"proposer\"")).count()
}

/// `mmh run` against the server.
fn paid<'a>(server: &'a Server, more: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "--run-id", "a", "--eval-size", "20", "--no-cache", "--budget-usd", "5"];
    let prices = ["--target-price", "1,5", "--proposer-price", "1,5"];
    [&run[..], &prices, &servers(server), more].concat()
}

fn servers(server: &Server) -> [&str; 12] {
    let url = server.url.as_str();
    let target = ["--target-model", "target", "--target-base-url", url, "--target-api", "anthropic"];
    let proposer =
        ["--proposer-model", "proposer", "--proposer-base-url", url, "--proposer-api", "anthropic"];
    [target, proposer].concat().try_into().expect("twelve words")
}

/// A baseline that is no harness is refused before there is a run. One that fails on everything without
/// asking a model ends the search before the proposer is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_baseline_costs_nothing() {
    let server = Models::new(Some(constant(&usual_label()))).serve().await;
    // name, baseline, options, exit code, exit code of a dry run, what is said, whether there is a run then
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], i32, i32, &'a str, bool);
    let table: [Row<'_>; 9] = [
        ("types", "no_types.rs", &["--iterations", "2"], 1, 1, "the baseline is refused", false),
        ("nothing in it", "empty.rs", &["--iterations", "2"], 1, 1, "the baseline is refused", false),
        (
            "types, and no iterations",
            "no_types.rs",
            &["--iterations", "0"],
            1,
            1,
            "the baseline is refused",
            false,
        ),
        (
            "panics",
            "panics.rs",
            &["--iterations", "2"],
            1,
            1,
            "answers none of 20 examples and asks no model (20 panic)",
            true,
        ),
        ("loops", "loops.rs", &["--iterations", "2", "--fuel", "1000000"], 1, 1, "(20 out-of-fuel)", true),
        ("fails to learn", "learns.rs", &["--iterations", "2"], 1, 1, "learn failed at batch 0", true),
        (
            "panics, and no iterations",
            "panics.rs",
            &["--iterations", "0", "--no-test"],
            0,
            0,
            "warning: the baseline answers none",
            true,
        ),
        ("carries answers", "leaky.rs", &["--iterations", "2", "--deny-leaks"], 1, 1, "carries", false),
        ("sound", "good.rs", &["--iterations", "0", "--no-test"], 0, 0, "run folder", true),
    ];
    let val = dataset::load(BUILTIN, 0).expect("it loads").val;
    let leaky = format!("{}\n// {}\n", guest("run/ok.rs"), val[0].input.text);
    for (name, baseline, options, code, of_dry_run, says, is_run) in table {
        let folder = folder();
        fs::write(folder.path().join("leaky.rs"), &leaky).expect("written");
        let (before, options) = (server.journal().len(), [&["--baseline", baseline], options].concat());
        let dry = mmh(folder.path(), &paid(&server, &[&options[..], &["--dry-run"]].concat()));
        assert_eq!(dry.status.code(), Some(of_dry_run), "{name}, dry run: {}", said(&dry));
        assert_eq!(server.journal().len(), before, "{name}: a dry run asks nobody");
        assert!(!folder.path().join("runs").exists(), "{name}: a dry run leaves nothing");
        let output = mmh(folder.path(), &paid(&server, &options));
        assert_eq!(output.status.code(), Some(code), "{name}: {}", said(&output));
        assert!(said(&output).contains(says), "{name}: {says:?} is not in {}", said(&output));
        assert_eq!(folder.path().join("runs/a").exists(), is_run, "{name}");
        if code == 1 {
            assert_eq!(server.journal().len(), before, "{name}: nothing was spent");
        }
        if code == 1 && is_run {
            assert_eq!(summary(folder.path())["stopped"]["status"], "baseline-broken", "{name}");
            let verified = mmh(folder.path(), &["verify", "runs/a"]);
            assert!(verified.status.success(), "{name}: {}", said(&verified));
        }
    }
}

/// Who goes on with a search whose baseline is broken, means it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_baseline_can_be_gone_on_with() {
    let server = Models::new(Some(constant(&usual_label()))).serve().await;
    let folder = folder();
    let stopped =
        mmh(folder.path(), &paid(&server, &["--baseline", "panics.rs", "--iterations", "1", "--no-test"]));
    assert_eq!(stopped.status.code(), Some(1), "{}", said(&stopped));
    let again = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], &servers(&server)].concat());
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    let summary = summary(folder.path());
    assert_eq!((&summary["best_iteration_index"], &summary["stopped"]), (&json!(1), &Value::Null));
    assert_eq!(summary["config"]["resumes"][0]["changes"], json!([]));
    let verified = mmh(folder.path(), &["verify", "runs/a"]);
    assert!(verified.status.success(), "{}", said(&verified));
}

/// A baseline that asks and understands nothing is what a proposer is for; it is said, since it may be a slip.
#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_that_understands_nothing_is_a_beginning() {
    let server = Models::new(Some(constant(&usual_label()))).serve().await;
    let folder = folder();
    let output =
        mmh(folder.path(), &paid(&server, &["--baseline", "deaf.rs", "--iterations", "1", "--no-test"]));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("warning: the baseline answers none of 20 examples"), "{}", said(&output));
    assert_eq!(summary(folder.path())["best_iteration_index"], 1);
}

/// A proposer that only talks is reminded twice an iteration, and asked for no more iterations than patience
/// allows. The search is over then: the held-out score is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposer_that_gives_up_ends_the_search() {
    let models = Models::new(None);
    models.dead.store(false, Ordering::Relaxed);
    let server = models.serve().await;
    // name, options, iterations without a candidate, exit code, patience on record
    let table: [(&str, &[&str], usize, i32, u32); 4] = [
        ("three by default", &["--iterations", "9"], 3, 1, 3),
        ("as asked", &["--iterations", "9", "--patience", "1"], 1, 1, 1),
        ("never", &["--iterations", "4", "--patience", "0"], 4, 0, 0),
        ("at the end", &["--iterations", "3"], 3, 0, 3),
    ];
    for (name, options, missing, code, patience) in table {
        let (folder, before) = (folder(), of_proposer(&server));
        let output = mmh(folder.path(), &paid(&server, options));
        assert_eq!(output.status.code(), Some(code), "{name}: {}", said(&output));
        assert_eq!(of_proposer(&server) - before, 3 * missing, "{name}: turns");
        let summary = summary(folder.path());
        assert_eq!(summary["unscored"].as_array().map(Vec::len), Some(missing), "{name}");
        assert_eq!(summary["config"]["patience"], patience, "{name}");
        assert_eq!(summary["test"][0]["index"], 0, "{name}: the held-out score is made");
        if code == 1 {
            let says =
                format!("{missing} proposals in a row came to no candidate, which is what --patience allows");
            assert_eq!(summary["stopped"]["status"], "proposer-gave-up", "{name}");
            assert!(said(&output).contains(&says), "{name}: {}", said(&output));
            let shown = mmh(folder.path(), &["summary", "runs/a"]);
            assert!(said(&shown).replace("\n  ", " ").contains(&says), "{name}: {}", said(&shown));
        }
        let verified = mmh(folder.path(), &["verify", "runs/a"]);
        assert!(verified.status.success(), "{name}: {}", said(&verified));
    }
}

/// Gone on with, such a search is patient anew; a plain resume after a kill is not.
#[tokio::test(flavor = "multi_thread")]
async fn patience_begins_anew_when_a_search_goes_on() {
    let server = Models::new(None).serve().await;
    let folder = folder();
    let output = mmh(folder.path(), &paid(&server, &["--iterations", "9", "--no-test", "--patience", "2"]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let asked = of_proposer(&server);
    // As if it had been killed before it could say that it has ended.
    let path = folder.path().join("runs/a/summary.json");
    let ended = fs::read_to_string(&path).expect("read");
    let mut cut: Value = serde_json::from_str(&ended).expect("JSON");
    cut.as_object_mut().expect("an object").remove("stopped");
    fs::write(&path, format!("{cut:#}\n")).expect("written");
    fs::remove_file(folder.path().join("runs/a/manifest.json")).expect("removed");
    let go_on = [&["run", "--resume", "runs/a"][..], &servers(&server)].concat();
    let killed = mmh(folder.path(), &go_on);
    assert_eq!((killed.status.code(), of_proposer(&server)), (Some(1), asked), "{}", said(&killed));
    assert_eq!(summary(folder.path())["stopped"]["status"], "proposer-gave-up");
    assert!(summary(folder.path())["config"].get("resumes").is_none());
    let again = mmh(folder.path(), &go_on);
    assert_eq!((again.status.code(), of_proposer(&server)), (Some(1), 2 * asked), "{}", said(&again));
    let summary = summary(folder.path());
    assert_eq!(summary["unscored"].as_array().map(Vec::len), Some(4));
    assert_eq!(summary["config"]["resumes"][0]["from_iteration"], 3);
}

/// With simulated models nothing is given up, and patience changes no byte but its own.
#[test]
fn patience_changes_nothing_where_it_is_not_needed() {
    let runs: Vec<tempfile::TempDir> = ["0", "3"]
        .into_iter()
        .map(|patience| {
            let folder = tempfile::tempdir().expect("a folder");
            let args = [
                "run",
                "--mock",
                "--iterations",
                "2",
                "--eval-size",
                "6",
                "--no-test",
                "--run-id",
                "a",
                "--patience",
                patience,
            ];
            let output = mmh(folder.path(), &[&args[..], &CLOCK].concat());
            assert!(output.status.success(), "{}", said(&output));
            folder
        })
        .collect();
    let [left, right] = [&runs[0], &runs[1]].map(|it| it.path().join("runs/a"));
    for path in files_below(&left) {
        let name = path.strip_prefix(&left).expect("below");
        let of_config =
            ["config.json", "summary.json", "manifest.json"].iter().any(|it| name == Path::new(it));
        let same = fs::read(&path).expect("read") == fs::read(right.join(name)).expect("read");
        assert_eq!(same, !of_config, "{}", name.display());
    }
}

/// The held-out score of the best comes first, and a dead model takes it only from those that ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_model_fails_only_who_calls_it() {
    // name, baseline, what is submitted, what is scored on held-out examples while the model is dead
    let table = [
        ("the best asks nobody", "deaf.rs", constant(&usual_label()), vec![1]),
        ("the baseline asks nobody", "constant.rs", guest("run/ok.rs"), vec![0]),
        ("both ask", "deaf.rs", guest("run/ok.rs"), vec![]),
        ("nobody asks", "constant.rs", constant("dengue"), vec![0]),
    ];
    for (name, baseline, submits, scored) in table {
        let folder = folder();
        let models = Models::new(Some(submits));
        let (dead, server) = (models.dead.clone(), models.serve().await);
        let output = mmh(
            folder.path(),
            &paid(&server, &["--baseline", baseline, "--iterations", "1", "--concurrency", "2"]),
        );
        let alive = name == "nobody asks";
        assert_eq!(output.status.code(), Some(if alive { 0 } else { 3 }), "{name}: {}", said(&output));
        let tested = |summary: &Value| -> Vec<u64> {
            let tests = summary["test"].as_array().cloned().unwrap_or_default();
            tests.iter().filter_map(|it| it["index"].as_u64()).collect()
        };
        let best = summary(folder.path())["best_iteration_index"].as_u64();
        let expected = if alive { vec![0, best.unwrap_or_default()] } else { scored };
        let mut expected_once = expected.clone();
        expected_once.dedup();
        assert_eq!(tested(&summary(folder.path())), expected_once, "{name}: {}", said(&output));
        let refused = server.journal().len();
        let verified = mmh(folder.path(), &["verify", "runs/a"]);
        assert!(verified.status.success(), "{name}: {}", said(&verified));
        if alive {
            continue;
        }
        assert!(said(&output).contains("key revoked"), "{name}: {}", said(&output));
        dead.store(false, Ordering::Relaxed);
        let output = mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], &servers(&server)].concat());
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        assert_eq!(tested(&summary(folder.path())), vec![0, 1], "{name}: {}", said(&output));
        assert!(server.journal().len() > refused, "{name}");
    }
}
