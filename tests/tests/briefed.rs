//! What a proposer is told of a target on this machine, and what is shown of what it did: from the record, so that the run
//! verifies and goes on without the server being asked what it is again.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mmh_tests::{
    builder, cache_dir,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// An agent that uses every command of its folder, and says what it spent as Claude Code does.
const SCRIPT: &str = r##"#!/bin/sh
set -eu
n=$(sed -n 's/^Write the harness of iteration \([0-9]*\).*/\1/p' TASK.md)
grep -c 'Your command is ended after 1800 s' TASK.md
sed "s/one label and nothing else/one label (version $n) and nothing else/" history/000/harness.rs > harness.rs
mmh call what_is_left
mmh try harness.rs --train --rows 4 --folds 2 --full > tried.json
example=$(head -n 1 history/000/eval_trace.jsonl | grep -o '"example_id":"[^"]*"' | cut -d '"' -f 4)
mmh try harness.rs --example "$example" > tried.json
mmh note "Version $n asks for one label."
mmh call what_is_left
echo "# Version $n" > reasoning.md
mmh submit harness.rs --reasoning reasoning.md
echo '{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Read","input":{"file_path":"TASK.md"}}]}}'
echo '{"type":"result","total_cost_usd":0.25,"usage":{"input_tokens":1000,"output_tokens":50}}'
"##;

const LIST: &str = r#"{"object":"list","data":[{"id":"gemma","owned_by":"llamacpp","meta":{"n_ctx":8192,"n_ctx_train":32768}}]}"#;
const PROPS: &str = r#"{"default_generation_settings":{"n_ctx":8192},"total_slots":2,"chat_template":"{% for message in messages %}{{ message.content }}{% endfor %}"}"#;

/// A server that says what it is as llama.cpp's does, until it is changed.
async fn server(changed: Arc<AtomicBool>) -> Server {
    Server::start(move |request: &Request| {
        let is_changed = changed.load(Ordering::Relaxed);
        let own = |text: &str| if is_changed { text.replace("8192", "512") } else { text.to_owned() };
        let chat = json!({
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "fungal infection" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 200, "completion_tokens": 4, "total_tokens": 204 },
        });
        match request.path.split('?').next().unwrap_or_default() {
            "/v1/models" => Reply::new(200, own(LIST)),
            "/props" => Reply::new(200, own(PROPS)),
            "/v1/chat/completions" => Reply::new(200, chat.to_string()).after(Duration::from_millis(20)),
            _ => Reply::new(404, "{}"),
        }
    })
    .await
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn mmh(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

/// The first message of an iteration.
fn opening(run: &Path, index: u32) -> String {
    let rows = fs::read_to_string(run.join(format!("iterations/{index:03}/proposer.jsonl"))).expect("a file");
    let first: Value = serde_json::from_str(rows.lines().next().unwrap_or_default()).expect("JSON");
    first["request"]["messages"][0]["content"][0]["text"].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_target_is_told_and_recorded() {
    builder(PROGRAM, Default::default()).await;
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let agent = folder.join("agent");
    fs::write(&agent, SCRIPT).expect("written");
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let agent = agent.display().to_string();
    let changed = Arc::new(AtomicBool::new(false));
    let server = server(changed.clone()).await;
    let url = format!("{}/v1", server.url);
    let target = ["--target-model", "gemma", "--target-base-url", &url, "--no-cache"];
    let agent = ["--proposer-command", &agent, "--proposer-read", &agent];
    let new = ["run", "--run-id", "a", "--iterations", "2", "--eval-size", "4", "--no-test"];
    let told = mmh(folder, &[&new[..], &target, &agent].concat());
    assert!(told.contains("target 4"), "{told}");
    let run = folder.join("runs/a");

    // What the server said is on record, and told; how long calls took is told once there were some.
    let config: Value =
        serde_json::from_slice(&fs::read(run.join("config.json")).expect("a file")).expect("JSON");
    let facts = json!({ "context_tokens": 8192, "trained_tokens": 32768, "chat_template": "plain" });
    assert_eq!(config["target_facts"], facts);
    for index in [1, 2] {
        let opening = opening(&run, index);
        for part in [
            "The target model is gemma. Prompt and reply of a call have 8,192 tokens together. It was trained for 32,768 tokens.",
            "as for a base model",
            &format!("In iteration {} a call took 0.", index - 1),
            "with 200 tokens of prompt and 4 of reply (the mean of 4 calls",
            "per thousand prompt tokens.",
            "trials on validation examples. What is left of these, what_is_left says.",
        ] {
            assert!(opening.contains(part), "{index}: {part}: {opening}");
        }
    }
    assert!(opening(&run, 2).contains("- iteration 1: Version 1 asks for one label."));

    // The agent's tool calls count.
    let log = fs::read_to_string(run.join("iterations/001/agent.log")).expect("a log");
    let left: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("\"val_trials\""))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(left.len(), 2, "{log}");
    assert_eq!(left[0]["tool_calls"], json!({ "made": 1, "limit": 768, "left": 767 }), "{log}");
    assert_eq!(left[1]["val_trials"], json!({ "made": 1, "limit": 20, "left": 19 }), "{log}");
    assert_eq!(left[1]["notes"], json!({ "made": 1, "limit": 10, "left": 9 }), "{log}");

    // Trials, notes and claims are shown; what is claimed is in no sum.
    let summary = mmh(folder, &["summary", "runs/a"]);
    for part in [
        "trials on validation before submission: 001 1 (and 1 on train), 002 1 (and 1 on train)",
        "note of 001: Version 1 asks for one label.",
        "files and commands that the agent's own output names: 001 1, 002 1; --json lists them",
        "the agent's own output says that it spent 2,000 in, 100 out (tokens), 0.5000 USD: claimed, and in no sum",
        "proposer unknown",
    ] {
        let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(summary.contains(part), "{part}: {summary}");
    }
    let shown: Value = serde_json::from_str(&mmh(folder, &["summary", "runs/a", "--json"])).expect("JSON");
    assert_eq!(shown["proposals"][1]["trials"], json!({ "val": 1, "train": 1 }));
    let cost: Value = serde_json::from_str(&mmh(folder, &["cost", "runs/a", "--json"])).expect("JSON");
    assert_eq!(cost["claimed_by_agent"]["2"]["usd"], 0.25, "{cost}");
    assert_eq!(cost["proposer_usd"], 0.0, "{cost}");

    // A run that goes on keeps what it was told at its beginning.
    changed.store(true, Ordering::Relaxed);
    mmh(folder, &[&["run", "--resume", "runs/a", "--iterations", "3"], &target[..], &agent].concat());
    assert!(opening(&run, 3).contains("have 8,192 tokens together"));
    drop(server);
    assert!(mmh(folder, &["verify", "runs/a"]).contains("all of it holds"));
}
