//! Conversations with proposers that answer oddly, at servers that are strict about what comes back to them:
//! a whole search with the real program, in both wire formats.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
};

use mmh_search::dataset::task::BASELINE;
use mmh_tests::{
    cache_dir, environment,
    server::{Reply, Request, Server},
    strict::{anthropic_problem, openai_problem},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A search of one iteration with this server as proposer and as target.
async fn search(folder: &Path, url: &str, api: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "run",
            "--iterations",
            "1",
            "--eval-size",
            "3",
            "--no-test",
            "--no-cache",
            "--run-id",
            "a",
            "--attempts",
            "1",
        ])
        .args(["--target-model", "t", "--target-base-url", url, "--target-api", api, "--target-price", "1,1"])
        .args([
            "--proposer-model",
            "p",
            "--proposer-base-url",
            url,
            "--proposer-api",
            api,
            "--proposer-price",
            "1,1",
        ])
        .current_dir(folder)
        .env_clear()
        .envs(environment())
        .env("MMH_CACHE_DIR", cache_dir());
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts")
}

/// A harness that is submitted in the end.
fn submission() -> Value {
    // It asks what the baseline asks, and is another component.
    let code = BASELINE.replace("the reply names none", "the reply has none");
    json!({ "code": code, "reasoning": "# A second look" })
}

/// A server that gives these answers to the proposer, one after another, and then the submission.
async fn server(api: &'static str, answers: Vec<Value>) -> Server {
    let turn = AtomicUsize::new(0);
    Server::start(move |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let openai = api == "openai";
        let wrap = |content: &Value| match openai {
            true => json!({ "choices": [content], "usage": { "prompt_tokens": 9, "completion_tokens": 9 } }),
            false => json!({ "content": content["content"], "stop_reason": content["stop"], "usage": { "input_tokens": 9, "output_tokens": 9 } }),
        };
        if body.get("tools").is_none() {
            let text = match openai {
                true => json!({ "message": { "content": "migraine" }, "finish_reason": "stop" }),
                false => json!({ "content": [{ "type": "text", "text": "migraine" }], "stop": "end_turn" }),
            };
            return Reply::new(200, wrap(&text).to_string());
        }
        let problem = if openai { openai_problem(&body) } else { anthropic_problem(&body) };
        if let Some(problem) = problem {
            return Reply::new(400, json!({ "error": { "message": problem, "type": "invalid_request_error" } }).to_string());
        }
        let submit = match openai {
            true => json!({ "message": { "content": null, "tool_calls": [{ "id": "last", "type": "function", "function": { "name": "write_harness", "arguments": submission().to_string() } }] }, "finish_reason": "tool_calls" }),
            false => json!({ "content": [{ "type": "tool_use", "id": "last", "name": "write_harness", "input": submission() }], "stop": "tool_use" }),
        };
        let at = turn.fetch_add(1, Ordering::Relaxed);
        Reply::new(200, wrap(answers.get(at).unwrap_or(&submit)).to_string())
    })
    .await
}

/// An OpenAI choice with these calls.
fn choice(finish: &str, message: Value) -> Value {
    json!({ "message": message, "finish_reason": finish })
}

fn call(id: Value, name: Value, arguments: Value) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_oddly_goes_back_wellformed() {
    let scoreboard = |id: Value| call(id, json!("scoreboard"), json!("{}"));
    let calls = |calls: Value| {
        choice("tool_calls", json!({ "role": "assistant", "content": null, "tool_calls": calls }))
    };
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "c2ln+/==" });
    let uses = |id: Value, name: &str, input: Value| json!({ "type": "tool_use", "id": id, "name": name, "input": input });
    let content = |stop: &str, blocks: Value| json!({ "content": blocks, "stop": stop });
    // name, format, answers before the submission
    let table: Vec<(&str, &'static str, Vec<Value>)> = vec![
        (
            "a call that was cut off",
            "openai",
            vec![choice(
                "length",
                json!({ "content": null, "tool_calls": [call(json!("a"), json!("write_harness"), json!("{\"code\": \"fn ma"))] }),
            )],
        ),
        (
            "a call that was cut before its arguments",
            "openai",
            vec![choice(
                "length",
                json!({ "content": null, "tool_calls": [call(json!("a"), json!("write_harness"), json!(""))] }),
            )],
        ),
        (
            "arguments that are no JSON",
            "openai",
            vec![calls(json!([call(json!("a"), json!("read_harness"), json!("iteration 0, please"))]))],
        ),
        (
            "arguments that are an object",
            "openai",
            vec![calls(json!([call(json!("a"), json!("read_harness"), json!({ "iteration": 0 }))]))],
        ),
        (
            "arguments that are a number",
            "openai",
            vec![calls(json!([call(json!("a"), json!("read_harness"), json!("0"))]))],
        ),
        (
            "no ids",
            "openai",
            vec![calls(
                json!([scoreboard(Value::Null), scoreboard(json!("")), { "function": { "name": "scoreboard" } }]),
            )],
        ),
        ("ids that are numbers", "openai", vec![calls(json!([scoreboard(json!(0)), scoreboard(json!(1))]))]),
        (
            "one id for all",
            "openai",
            vec![
                calls(json!([scoreboard(json!("call_0")), scoreboard(json!("call_0"))])),
                calls(json!([scoreboard(json!("call_0"))])),
            ],
        ),
        (
            "a thought without words",
            "openai",
            vec![
                choice("stop", json!({ "content": "", "reasoning_content": "hm" })),
                calls(json!([scoreboard(json!("a"))])),
            ],
        ),
        (
            "nothing",
            "openai",
            vec![
                choice("stop", json!({ "content": null, "tool_calls": [] })),
                choice("stop", json!({ "content": " " })),
            ],
        ),
        (
            "words and an empty list of calls",
            "openai",
            vec![choice("stop", json!({ "content": "so", "tool_calls": [] }))],
        ),
        (
            "words and nulls",
            "openai",
            vec![choice("stop", json!({ "content": "so", "tool_calls": null, "function_call": null }))],
        ),
        (
            "a name that is none",
            "openai",
            vec![calls(json!([
                call(json!("a"), json!("rm -rf /"), json!("{}")),
                call(json!("b"), Value::Null, json!("{}"))
            ]))],
        ),
        ("what is no call", "openai", vec![calls(json!([7, scoreboard(json!("a"))]))]),
        (
            "an empty text beside a call",
            "anthropic",
            vec![content(
                "tool_use",
                json!([thought, { "type": "text", "text": "" }, uses(json!("a"), "scoreboard", json!({}))]),
            )],
        ),
        (
            "a thought without words",
            "anthropic",
            vec![
                content("end_turn", json!([thought])),
                content("tool_use", json!([thought, uses(json!("a"), "scoreboard", json!({}))])),
            ],
        ),
        ("nothing", "anthropic", vec![content("end_turn", json!([])), content("end_turn", json!(""))]),
        (
            "a call that was cut off",
            "anthropic",
            vec![content("max_tokens", json!([uses(json!("a"), "write_harness", json!("{\"code\": "))]))],
        ),
        (
            "arguments that are text",
            "anthropic",
            vec![content("tool_use", json!([uses(json!("a"), "read_harness", json!("{\"iteration\": 0}"))]))],
        ),
        (
            "no id, and the same twice",
            "anthropic",
            vec![content(
                "tool_use",
                json!([
                    uses(Value::Null, "scoreboard", json!({})),
                    uses(json!("a"), "scoreboard", Value::Null),
                    uses(json!("a"), "scoreboard", json!({}))
                ]),
            )],
        ),
    ];
    for (name, api, answers) in table {
        let (folder, turns) = (tempfile::tempdir().expect("a folder"), answers.len() + 1);
        let server = server(api, answers).await;
        let output = search(folder.path(), &server.url, api).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{api}: {name}: {said}");
        let summary = fs::read_to_string(folder.path().join("runs/a/summary.json")).expect("a summary");
        let summary: Value = serde_json::from_str(&summary).expect("JSON");
        assert_eq!(
            summary["iterations"].as_array().map(Vec::len),
            Some(2),
            "{api}: {name}: {}",
            summary["unscored"]
        );
        let asked = server.journal().iter().filter(|request| request.body.contains("\"tools\"")).count();
        assert_eq!(asked, turns, "{api}: {name}: each turn is asked for once");
        let last =
            server.journal().into_iter().rfind(|request| request.body.contains("\"tools\"")).expect("one");
        let thinks = api == "anthropic" && name.contains("beside a call");
        assert_eq!(
            last.body.contains(&thought.to_string()),
            thinks || name.starts_with("a thought") && api == "anthropic",
            "{api}: {name}: thoughts go back as they came"
        );
    }
}
