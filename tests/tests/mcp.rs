//! `mmh mcp`, driven by the Model Context Protocol's own SDK for Python. A search whose proposer is a client has the same
//! files as one whose proposer makes the same tool calls in this process, however often the client disconnects; `verify`
//! makes it again from its record. In a work folder, calls go to the search through its socket.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use mmh_models::{
    cancel::Cancel,
    metering::{MeteredModel, budget::Budget},
};
use mmh_record::{
    clock::Clock,
    format::{Config, CostFile, ProposerKind, Summary},
    reader::RunReader,
    writer::{Beginning, RunWriter},
};
use mmh_search::{
    dataset::{self, BUILTIN, task::BASELINE},
    evaluate::Target,
    progress::Silent,
    propose::{Move, Proposer, Scripted, specs},
    session::{Session, Start},
};
use mmh_simulated::target::SimulatedTarget;
use mmh_tests::{builder, cache_dir, environment, files_below, python::python, root};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A tool and its arguments.
type Call = (String, Value);

const NAME: &str = "some-agent";

/// What the client and the script do for each candidate, from 001 on.
fn moves(candidate: u32) -> Vec<Call> {
    let harness = BASELINE
        .replace("one label and nothing else", &format!("one label (of {candidate}) and nothing else"));
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let val = dataset::sample(&dataset.val, 6, 0);
    let ids: Vec<&str> = val.iter().take(2).map(|example| example.id.as_str()).collect();
    let broken = "use mmh_sdk::prelude::*;\nfn main() { let x: u32 = \"\"; }\n";
    let submit = |code: &str| ("write_harness", json!({ "code": code, "reasoning": "# Because" }));
    let calls = match candidate {
        1 => vec![
            ("scoreboard", json!({})),
            ("read_eval_trace", json!({ "iteration": 0, "limit": 2 })),
            ("read_train", json!({ "limit": "three" })),
            ("check_harness", json!({ "code": broken })),
            ("try_harness", json!({ "code": harness, "example_ids": ids })),
            ("no_such_tool", json!({ "a": [1, null] })),
            submit(broken),
            submit(&harness),
        ],
        2 => vec![submit(&harness)],
        _ => vec![
            ("read_harness", json!({ "iteration": 1 })),
            ("give_up", json!({ "reason": "nothing helps" })),
        ],
    };
    calls.into_iter().map(|(tool, input)| (tool.to_owned(), input)).collect()
}

fn call(tool: &str) -> Call {
    (tool.to_owned(), json!({}))
}

/// All calls of a client that drives the search to its end.
fn all_calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for candidate in 1..=3 {
        calls.push(call("begin_candidate"));
        calls.extend(moves(candidate));
    }
    calls.extend([call("begin_candidate"), call("scoreboard")]);
    calls
}

/// What a client got.
struct Said {
    answer: Value,
    errors: String,
}

impl Said {
    fn results(&self) -> &Vec<Value> {
        self.answer["results"].as_array().expect("results")
    }

    fn text(&self, at: usize) -> &str {
        self.results()[at]["text"].as_str().expect("a text")
    }
}

/// Lets the SDK start the server and make these calls. It returns when the server has ended.
fn client(args: &[&str], folder: &Path, how: (&str, bool), calls: &[Call]) -> Said {
    client_with(None, args, folder, how, calls)
}

/// The same with one more variable of the environment.
fn client_with(
    variable: Option<(String, String)>,
    args: &[&str],
    folder: &Path,
    (mode, leaves): (&str, bool),
    calls: &[Call],
) -> Said {
    let mut env: BTreeMap<String, String> = environment().into_iter().chain(variable).collect();
    env.insert("MMH_CACHE_DIR".into(), cache_dir().display().to_string());
    let task = json!({
        "command": PROGRAM, "args": args, "env": env, "cwd": folder, "mode": mode, "leaves": leaves, "calls": calls,
    });
    let mut child = Command::new(python(&root().join("tests/mcp/requirements.txt")))
        .arg(root().join("tests/mcp/client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(task.to_string().as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    Said { answer: serde_json::from_slice(&output.stdout).expect("JSON"), errors }
}

/// The arguments that begin the search, or go on with it.
fn hosting(run: &str) -> Vec<&str> {
    let words = "--mock --iterations 3 --eval-size 6 --seed 0 --concurrency 2 --patience 0 --fixed-clock 1970-01-01T00:00:00Z";
    [&["mcp", "--run", run, "--proposer-name", NAME][..], &words.split(' ').collect::<Vec<_>>()].concat()
}

/// The same search, whose proposer makes the same calls in this process.
fn in_process(folder: &Path, config: &Config) {
    let clock = Clock::Fixed(Timestamp::UNIX_EPOCH);
    let script = |assignment: &mmh_search::propose::Assignment<'_>, calls: &[_]| {
        let (tool, input) = moves(assignment.candidate.index).swap_remove(calls.len());
        match tool.as_str() {
            "give_up" => Move::GiveUp { reason: input["reason"].as_str().expect("a reason").to_owned() },
            tool => Move::call(tool, input),
        }
    };
    let proposer: Arc<dyn Proposer> = Arc::new(Scripted::new(NAME, script));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let builder = builder(PROGRAM, config.limits.clone()).await;
        let dataset = dataset::load(BUILTIN, 0).expect("it loads");
        let val = dataset::sample(&dataset.val, 6, 0);
        let summary = Summary::new(config.clone());
        let (cost, baselines) = (
            CostFile { mock: true, ..CostFile::default() },
            vec![dataset.kind.baseline(Default::default()).into()],
        );
        let beginning = Beginning { config, summary: &summary, cost: &cost, baselines: &baselines };
        let writer = RunWriter::create(folder, &beginning).expect("a run folder");
        let (budget, cancel) = (Arc::new(Budget::unlimited()), Cancel::default());
        let session = Session { limits: &config.limits, budget, clock, cancel };
        let target = MeteredModel::free(Arc::new(SimulatedTarget::new(0)), clock, session.cancel.clone());
        let start = Start { summary, writer, baselines, dataset, val };
        let parts = (Arc::new(Target::new(target, None)), proposer);
        let search = session.search(start, builder, parts, 2, Arc::new(Silent));
        assert!(search.run().await.expect("it runs").1.is_none());
    });
}

fn contents(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: &Path| path.strip_prefix(run).expect("below").display().to_string();
    files_below(run).iter().map(|path| (named(path), fs::read(path).expect("a file"))).collect()
}

fn same_files(name: &str, expected: &Path, found: &Path) {
    let (expected, found) = (contents(expected), contents(found));
    let names = expected.keys().chain(found.keys());
    let differ: Vec<&String> = names.filter(|name| expected.get(*name) != found.get(*name)).collect();
    assert!(differ.is_empty(), "{name}: {differ:?}");
}

fn mmh(args: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).env("MMH_CACHE_DIR", cache_dir()).output().expect("it starts");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The client sees what it needs, drives the search to its end, and the record is that of the same calls in this process.
#[test]
fn a_client_drives_a_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("runs/a");
    let said = client(&hosting("runs/a"), folder.path(), ("auto", false), &all_calls());

    assert_eq!(said.answer["server"], "mmh");
    assert!(said.answer["instructions"].as_str().expect("a text").contains("begin_candidate"));
    assert!(said.answer["prompt"].as_str().expect("a text").contains("How to work"));
    assert_eq!(said.answer["guide"], mmh_engine::toolchain::sdk::GUIDE);
    let tools = said.answer["tools"].as_array().expect("tools");
    let names: Vec<&str> = tools.iter().map(|it| it["name"].as_str().expect("a name")).collect();
    let offered: Vec<String> = specs().into_iter().map(|it| it.name).collect();
    let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    assert_eq!(names, [&["begin_candidate"], &offered[..], &["give_up"]].concat());
    for (spec, tool) in specs().into_iter().zip(&tools[1..]) {
        assert_eq!((&tool["schema"], &tool["description"]), (&spec.input_schema, &json!(spec.description)));
    }

    // the call, the beginning or a part of its text, whether it is an error
    let table = [
        (0, "Write the harness of iteration 1", false),
        (1, "\"best\":0", false),
        (2, "example_id", false),
        (3, "bad arguments for read_train", true),
        (4, "E0308", false),
        (5, "n_correct", false),
        (6, "there is no tool", true),
        (7, "did-not-compile", true),
        (8, "accepted\":true", false),
        (9, "Write the harness of iteration 2", false),
        (13, "ended without a harness", false),
        (14, "The search is over", false),
        (15, "The search is over", true),
    ];
    for (at, part, is_error) in table {
        assert!(said.text(at).contains(part), "{at}: {}", said.text(at));
        assert_eq!(said.results()[at]["is_error"], is_error, "{at}");
    }
    assert!(said.text(14).contains("003: no score, gave-up"), "{}", said.text(14));

    let reader = RunReader::open(&run).expect("a run");
    let (config, summary) = (reader.config().expect("a config"), reader.summary().expect("a summary"));
    assert_eq!((config.proposer_model.as_str(), config.proposer_kind), (NAME, ProposerKind::Tools));
    assert!(summary.finished_at.is_some() && !summary.test.is_empty(), "held-out scores are there");
    for test in &summary.test {
        let figure = format!("{:.4}", test.score.accuracy);
        assert!(!said.text(14).contains(&figure), "no held-out score is told: {}", said.text(14));
    }
    let verified = mmh(&["verify", &run.display().to_string()]);
    assert!(
        verified.contains("all of it holds") && verified.contains("the proposer's 10 tool calls"),
        "{verified}"
    );

    let other = tempfile::tempdir().expect("a folder");
    in_process(other.path(), &config);
    same_files("in this process", &other.path().join("a"), &run);

    // It disconnects again and again, in the middle and at the ends of candidates, by both protocols.
    let cut = tempfile::tempdir().expect("a folder");
    let calls = all_calls();
    for (from, to, mode, leaves) in [
        (0, 1, "legacy", true),
        (1, 4, "legacy", false),
        (4, 9, "auto", true),
        (9, 13, "auto", false),
        (13, 16, "legacy", false),
    ] {
        let begins = (calls[from].0 != "begin_candidate").then(|| call("begin_candidate"));
        let calls: Vec<Call> = begins.into_iter().chain(calls[from..to].iter().cloned()).collect();
        let said = client(&hosting("runs/a"), cut.path(), (mode, leaves), &calls);
        let stopped = said.errors.contains("`mmh mcp --run runs/a` goes on");
        assert_eq!(stopped, to < 16, "{from}: {}", said.errors);
        if from > 0 && begins_in_the_middle(from) {
            assert!(said.text(0).contains("This candidate was begun before"), "{from}: {}", said.text(0));
        }
    }
    same_files("again and again", &run, &cut.path().join("runs/a"));

    // A finished run says so, and goes on when it is made longer.
    let said = client(&hosting("runs/a"), folder.path(), ("auto", false), &[call("begin_candidate")]);
    assert!(said.text(0).contains("The search is over"), "{}", said.text(0));
    let longer = ["mcp", "--run", "runs/a", "--iterations", "4"];
    let give_up = ("give_up".to_owned(), json!({ "reason": "enough" }));
    let calls = [call("begin_candidate"), give_up, call("begin_candidate")];
    let said = client(&longer, folder.path(), ("auto", false), &calls);
    assert!(said.text(0).contains("Write the harness of iteration 4"), "{}", said.text(0));
    assert!(said.text(2).contains("The search is over"), "{}", said.text(2));
    let verified = mmh(&["verify", &run.display().to_string()]);
    assert!(verified.contains("all of it holds"), "{verified}");
}

/// Whether the call is not the first one of its candidate.
fn begins_in_the_middle(at: usize) -> bool {
    all_calls()[at].0 != "begin_candidate" && all_calls()[at - 1].0 != "begin_candidate"
}

/// What cannot be hosted is refused before a client is served.
#[test]
fn wrong_options_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let args =
        ["run", "--mock", "--iterations", "0", "--eval-size", "6", "--no-test", "--run-id", "of-a-model"];
    let runs = folder.path().display().to_string();
    mmh(&[&args[..], &["--runs-dir", &runs]].concat());
    let of_a_model = format!("{runs}/of-a-model");
    // name, arguments, what is said
    let table = [
        ("no folder", vec!["mcp"], "there is no search to ask"),
        ("options of a search alone", vec!["mcp", "--mock"], "--mock is about a search that --run hosts"),
        (
            "a model's run",
            vec!["mcp", "--run", &of_a_model],
            "the run's proposer is the model simulated-proposer",
        ),
        ("another seed", vec!["mcp", "--run", &of_a_model, "--seed", "7"], "--seed 7"),
        (
            "a simulated name",
            vec!["mcp", "--run", "b", "--proposer-name", "simulated-proposer"],
            "simulated-",
        ),
        ("no name", vec!["mcp", "--run", "/"], "the last part of the folder"),
        ("no data", vec!["mcp", "--run", "b", "--mock", "--dataset", "nowhere"], "nowhere"),
    ];
    for (name, args, expected) in table {
        let said = mmh(&args);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

/// A search that answers at a socket: each request with itself. It refuses the tool `refused`.
fn fake_search(socket: &Path) -> Arc<Mutex<Vec<Value>>> {
    // A path of a socket is short, so a long one is reached by a link.
    let (links, name) = (tempfile::tempdir().expect("a folder"), socket.file_name().expect("a name"));
    let link = links.path().join("to");
    std::os::unix::fs::symlink(socket.parent().expect("a folder"), &link).expect("linked");
    let listener = UnixListener::bind(link.join(name)).expect("a socket");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let heard = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a line");
            let request: Value = serde_json::from_str(&line).expect("JSON");
            let answer =
                json!({ "ok": request["tool"] != "refused", "content": request["input"].to_string() });
            heard.lock().expect("a list").push(request);
            // A search that was killed answers nothing.
            if heard.lock().expect("a list").len() < 4 {
                stream.write_all(format!("{answer}\n").as_bytes()).expect("written");
            }
        }
    });
    requests
}

/// In a work folder, the tools are those of the search at the socket.
#[test]
fn in_a_work_folder_calls_go_to_its_search() {
    let calls: Vec<Call> = vec![
        ("scoreboard".into(), json!({ "limit": 3 })),
        ("write_harness".into(), json!({ "code": "fn main() {}\n// \u{1F980}", "reasoning": "" })),
        ("refused".into(), json!({ "a": 1 })),
        ("read_sdk".into(), json!({})),
        ("read_sdk".into(), json!({})),
    ];
    let deep = format!("{}/search.sock", "a-long-name/".repeat(20));
    // name, the socket, whether a variable of the environment names it
    for (name, socket, is_named) in [("in the folder", ".mmh/socket", false), ("elsewhere", &*deep, true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join(socket);
        fs::create_dir_all(socket.parent().expect("a folder")).expect("created");
        let requests = fake_search(&socket);
        let env = is_named.then(|| ("MMH_SOCKET".to_owned(), socket.display().to_string()));
        let said = client_with(env, &["mcp"], folder.path(), ("auto", false), &calls);
        assert!(said.answer["instructions"].as_str().expect("a text").contains("TASK.md"), "{name}");
        let tools = said.answer["tools"].as_array().expect("tools");
        assert_eq!(tools.len(), specs().len(), "{name}");
        let sent: Vec<Value> =
            calls.iter().map(|(tool, input)| json!({ "tool": tool, "input": input })).collect();
        assert_eq!(*requests.lock().expect("a list"), sent, "{name}");
        for (at, (_, input)) in calls.iter().enumerate() {
            let is_lost = at >= 3;
            let expected =
                if is_lost { "the search does not answer at".to_owned() } else { input.to_string() };
            assert!(said.text(at).starts_with(&expected), "{name}, {at}: {}", said.text(at));
            assert_eq!(said.results()[at]["is_error"], at >= 2, "{name}, {at}");
        }
    }
}

/// An agent that asks for the scoreboard by MCP, and submits by a command.
const AGENT: &str = r#"#!/bin/sh
set -eu
{
    echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"0"}}}'
    echo '{"jsonrpc":"2.0","method":"notifications/initialized"}'
    echo '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"scoreboard","arguments":{"limit":1}}}'
    while ! grep -q '"id":2' said.jsonl; do sleep 0.1; done
} | mmh mcp > said.jsonl
sed 's/nothing else/nothing more/' history/000/harness.rs > harness.rs
cp said.jsonl reasoning.md
mmh submit harness.rs --reasoning reasoning.md
"#;

/// In the work folder that a search has made, calls by MCP are calls of the agent.
#[test]
fn an_agent_in_a_work_folder_speaks_the_protocol() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(at("agent")).expect("created");
    fs::write(at("agent/agent"), AGENT).expect("written");
    fs::set_permissions(at("agent/agent"), fs::Permissions::from_mode(0o755)).expect("it can be run");
    let words = "run --mock --iterations 1 --eval-size 6 --no-test --run-id a";
    let mut args: Vec<&str> = words.split(' ').collect();
    let (runs, agent, readable) = (at("runs"), at("agent/agent"), at("agent"));
    args.extend(["--runs-dir", &runs, "--proposer-command", &agent, "--proposer-read", &readable]);
    let said = mmh(&args);
    let reader = RunReader::open(&folder.path().join("runs/a")).expect("a run");
    let summary = reader.summary().expect("a summary");
    assert_eq!(summary.iterations.len(), 2, "{said}");
    assert!(
        summary.iterations[1].reasoning.contains("\\\"best\\\":0"),
        "{}",
        summary.iterations[1].reasoning
    );
    let transcript = fs::read_to_string(at("runs/a/iterations/001/proposer.jsonl")).expect("a transcript");
    assert!(transcript.contains("\"tool\":\"scoreboard\""), "{transcript}");
    let verified = mmh(&["verify", &at("runs/a")]);
    assert!(verified.contains("all of it holds"), "{verified}");
}
