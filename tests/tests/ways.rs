//! The same candidates by the three ways to propose: a conversation with a model, a command in a work folder, and a client of
//! `mmh mcp`. Harnesses, components, scores and traces are the same, byte for byte, and each run verifies.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use mmh_search::dataset::task::BASELINE;
use mmh_tests::{
    agents::said,
    builder, cache_dir, environment,
    python::python,
    root,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

const CANDIDATES: u32 = 2;

/// The files that a candidate is compared by.
const FILES: [&str; 9] = [
    "harness.rs",
    "harness.wasm",
    "reasoning.md",
    "provenance.json",
    "learn_trace.jsonl",
    "eval_trace.jsonl",
    "model_calls.jsonl",
    "score.json",
    "test-result.json",
];

/// What each search is begun with, besides its proposer.
const SEARCH: &str = "--iterations 2 --eval-size 6 --concurrency 2 --no-cache --target-model the-target --fixed-clock 2026-01-01T00:00:00Z";

fn source(candidate: u32) -> String {
    BASELINE.replace("one label and nothing else", &format!("one label (of {candidate}) and nothing else"))
}

fn reasoning(candidate: u32) -> String {
    format!("# Candidate {candidate}\n\nOther words.\n")
}

/// The calls of a candidate: its source is checked, then submitted.
fn calls(candidate: u32) -> [(&'static str, Value); 2] {
    let code = source(candidate);
    [
        ("check_harness", json!({ "code": code })),
        ("write_harness", json!({ "code": code, "reasoning": reasoning(candidate) })),
    ]
}

/// A server whose model answers as the target, and proposes where it is asked to.
async fn server() -> Server {
    Server::start(|request: &Request| {
        if request.path != "/v1/chat/completions" {
            return Reply::new(404, "{}");
        }
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let message = if body["model"] == "the-proposer" { proposed(&body) } else { answered(&request.body) };
        let reply = json!({
            "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104 },
        });
        Reply::new(200, reply.to_string())
    })
    .await
}

/// What the proposer says: the next tool call of the candidate that it is asked for.
fn proposed(body: &Value) -> Value {
    let messages = body["messages"].as_array().expect("messages");
    let opening = messages.iter().find(|it| it["role"] == "user").map(|it| it["content"].to_string());
    let (_, rest) =
        opening.as_deref().and_then(|it| it.split_once("harness of iteration ")).expect("an opening");
    let candidate = rest.split('.').next().and_then(|it| it.parse().ok()).expect("a number");
    let made = messages.iter().filter(|it| it["role"] == "assistant").count();
    let (tool, input) = calls(candidate)[made].clone();
    let function = json!({ "name": tool, "arguments": input.to_string() });
    json!({
        "role": "assistant", "content": null,
        "tool_calls": [{ "id": format!("call-{made}"), "type": "function", "function": function }],
    })
}

/// What the target says: one of three labels, by what it is asked.
fn answered(asked: &str) -> Value {
    let labels = ["allergy", "migraine", "psoriasis"];
    let sum: usize = asked.bytes().map(usize::from).sum();
    json!({ "role": "assistant", "content": labels[sum % labels.len()] })
}

fn mmh(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

/// A command that makes the same calls.
fn agent(folder: &Path) -> String {
    for candidate in 1..=CANDIDATES {
        fs::write(folder.join(format!("{candidate}.rs")), source(candidate)).expect("written");
        fs::write(folder.join(format!("{candidate}.md")), reasoning(candidate)).expect("written");
    }
    let script = "#!/bin/sh
set -eu
mine=$(dirname $0)/$(sed -n 's/^Write the harness of iteration \\([0-9]*\\).*/\\1/p' TASK.md)
mmh check $mine.rs
mmh submit $mine.rs --reasoning $mine.md\n";
    let path = folder.join("agent");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    path.display().to_string()
}

/// Lets the protocol's own SDK make the same calls.
fn client(folder: &Path, args: &[&str]) {
    let mut made: Vec<(&str, Value)> = Vec::new();
    for candidate in 1..=CANDIDATES {
        made.push(("begin_candidate", json!({})));
        made.extend(calls(candidate));
    }
    made.push(("begin_candidate", json!({})));
    let mut env: BTreeMap<String, String> = environment().into_iter().collect();
    env.insert("MMH_CACHE_DIR".into(), cache_dir().display().to_string());
    let task = json!({
        "command": PROGRAM, "args": args, "env": env, "cwd": folder, "mode": "auto", "leaves": false, "calls": made,
    });
    let mut child = Command::new(python(&root().join("tests/mcp/requirements.txt")))
        .arg(root().join("tests/mcp/client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(task.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && said(&output).contains("The search is over"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_propose_gives_the_same_candidates() {
    builder(PROGRAM, Default::default()).await;
    let server = server().await;
    let url = format!("{}/v1", server.url);
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let target = [&SEARCH.split(' ').collect::<Vec<_>>()[..], &["--target-base-url", &url]].concat();
    let run = |name: &'static str| [&["run", "--run-id", "a", "--runs-dir", name], &target[..]].concat();

    let model = ["--proposer-model", "the-proposer", "--proposer-base-url", &url];
    mmh(folder, &[&run("model")[..], &model].concat());
    fs::create_dir(folder.join("agent")).expect("created");
    let agent = agent(&folder.join("agent"));
    let readable = folder.join("agent").display().to_string();
    let command = ["--proposer-command", &agent, "--proposer-read", &readable];
    mmh(folder, &[&run("command")[..], &command].concat());
    fs::create_dir(folder.join("client")).expect("created");
    client(folder, &[&["mcp", "--run", "client/a"], &target[..]].concat());

    let file = |way: &str, file: &str| fs::read(folder.join(way).join("a").join(file)).ok();
    for way in ["model", "command", "client"] {
        for candidate in 0..=CANDIDATES {
            for name in FILES {
                let name = format!("iterations/{candidate:03}/{name}");
                let (expected, found) = (file("model", &name), file(way, &name));
                assert!(expected.is_some(), "{name}");
                assert!(found == expected, "{way}: {name} differs");
            }
        }
        let tests = fs::read_dir(folder.join(way).join("a/test")).expect("a folder").flatten();
        for entry in tests {
            for name in ["eval_trace.jsonl", "score.json"] {
                let name = format!("test/{}/{name}", entry.file_name().display());
                assert!(
                    file(way, &name).is_some() && file(way, &name) == file("model", &name),
                    "{way}: {name} differs"
                );
            }
        }
        let verified = mmh(folder, &["verify", &format!("{way}/a")]);
        assert!(verified.contains("all of it holds"), "{way}: {verified}");
        // Per folder, what was rebuilt and replayed is told in the same words.
        let told = |said: &str| {
            said.lines().filter(|line| line.starts_with("iterations/")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(told(&verified).len(), 1 + CANDIDATES as usize, "{way}: {verified}");
        assert_eq!(told(&verified), told(&mmh(folder, &["verify", "model/a"])), "{way}");
    }
}
