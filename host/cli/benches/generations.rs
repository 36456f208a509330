//! Several candidates at the same time beside one: whole runs of the program, with a server on loopback that takes 200 ms for
//! a call of the target and 5 s for a turn of the proposer. `cargo bench -p mmh --bench generations`

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "benches stop at what cannot be measured, and print the rest"
)]

#[allow(dead_code)] // shared with the tests, which use all of it
#[path = "../../../tests/src/server.rs"]
mod server;

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use server::{Reply, Request, Server};
use tokio::runtime::Runtime;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh");
const BASELINE: &str = include_str!("../../../baseline-harness/src/zero_shot.rs");

const CALL: Duration = Duration::from_millis(200);
const TURN: Duration = Duration::from_secs(5);
const AT_ONCE: &str = "64";
const EXAMPLES: &str = "100";
const ROUNDS: usize = 3;
/// The most that three candidates may take, as a multiple of what one takes.
const MOST: f64 = 1.2;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start(|request: &Request| {
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let (after, content) = match body["tools"].as_array() {
            Some(_) => (TURN, turn(&body)),
            None => (CALL, json!([{ "type": "text", "text": "migraine" }])),
        };
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        let reply = json!({ "content": content, "stop_reason": "end_turn", "usage": usage });
        Reply::new(200, reply.to_string()).after(after)
    }));
    let folder = tempfile::tempdir().expect("a folder");
    // The SDK and the baseline are compiled before anything is measured.
    run(folder.path(), &server.url, "warm", "1");
    let mut took: [Vec<Duration>; 2] = Default::default();
    for round in 0..ROUNDS {
        for (candidates, took) in ["1", "3"].into_iter().zip(&mut took) {
            took.push(run(folder.path(), &server.url, &format!("{candidates}-{round}"), candidates));
        }
    }
    let [one, three] = took.map(|mut took| {
        took.sort();
        took[ROUNDS / 2]
    });
    let ratio = three.as_secs_f64() / one.as_secs_f64();
    let verdict = if ratio <= MOST { "" } else { "  EXCEEDED" };
    println!(
        "one candidate {one:.2?}, three at the same time {three:.2?}: {ratio:.3}, at most {MOST}{verdict}"
    );
}

/// A search of one iteration. It takes no candidate from an earlier run: each has sources of its own.
fn run(folder: &Path, url: &str, id: &str, candidates: &str) -> Duration {
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--run-id", id, "--iterations", "1", "--candidates", candidates, "--no-test"]);
    command.args(["--eval-size", EXAMPLES, "--concurrency", AT_ONCE, "--no-cache", "--budget-usd", "5"]);
    command.args(["--target-price", "1,5", "--proposer-price", "1,5"]);
    command.args(["--target-model", id, "--target-base-url", url, "--target-api", "anthropic"]);
    command.args(["--proposer-model", id, "--proposer-base-url", url, "--proposer-api", "anthropic"]);
    command.current_dir(folder).env("MMH_CACHE_DIR", folder.join("cache"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let begun = Instant::now();
    assert!(command.status().expect("the program starts").success());
    begun.elapsed()
}

/// The proposer's turn: it looks, and looks again, and submits a harness that no other run and no other candidate has.
fn turn(body: &Value) -> Value {
    let messages = body["messages"].as_array().expect("messages");
    let turn = messages.iter().filter(|message| message["role"] == "assistant").count();
    let opening = messages[0]["content"].to_string();
    let number =
        opening.split("iteration ").nth(1).and_then(|rest| rest.split('.').next()).unwrap_or_default();
    let call = |name: &str, input: Value| json!([{ "type": "tool_use", "id": format!("t{turn}"), "name": name, "input": input }]);
    let own = format!("one label ({} {number}) and nothing else", body["model"].as_str().unwrap_or_default());
    match turn {
        0 => call("scoreboard", json!({})),
        1 => call("read_eval_trace", json!({ "iteration": 0, "limit": 5 })),
        _ => {
            let code = BASELINE.replace("one label and nothing else", &own);
            call("write_harness", json!({ "code": code, "reasoning": "# One" }))
        }
    }
}
