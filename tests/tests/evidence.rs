//! Whose trouble is it? Whole evaluations with the real program against servers that refuse, break and lie:
//! what is the provider's trouble ends the command and is no score; what is one request's own ends its
//! example.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mmh_search::dataset::task::BASELINE;
use mmh_tests::{
    cache_dir, environment,
    server::{Ending, Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Validation examples of the data set below.
const EXAMPLES: usize = 12;

/// A data set whose texts tell their labels, so that a server knows the right answer.
fn dataset(folder: &Path) {
    fs::create_dir_all(folder.join("data")).expect("a folder");
    let rows = |split: &str, n: usize| -> String {
        (0..n).map(|at| format!("{}\n", json!({ "text": format!("{split} {at} is <<label-{}>>", at % 3), "label": format!("label-{}", at % 3) }))).collect()
    };
    for (split, n) in [("train", 3), ("val", EXAMPLES)] {
        fs::write(folder.join(format!("data/{split}.jsonl")), rows(split, n)).expect("a file");
    }
}

/// The label that stands in a request, if one does: a control request has none.
fn label(request: &Request) -> Option<String> {
    let (_, rest) = request.body.split_once("<<")?;
    rest.split_once(">>").map(|(label, _)| label.to_owned())
}

/// The example's number.
fn number(request: &Request) -> Option<usize> {
    let (before, _) = request.body.split_once(" is <<")?;
    before.rsplit(' ').next()?.parse().ok()
}

fn said(text: &str) -> String {
    json!({ "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }], "usage": { "prompt_tokens": 100, "completion_tokens": 3 } }).to_string()
}

fn good(request: &Request) -> Reply {
    Reply::new(200, said(&label(request).unwrap_or_else(|| "OK".into())))
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply::new(
        status,
        json!({ "error": { "message": message, "type": "invalid_request_error", "code": null } }).to_string(),
    )
}

type Handler = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// `mmh eval` of a harness against a server.
async fn eval(source: &str, url: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    dataset(folder.path());
    fs::write(folder.path().join("harness.rs"), source).expect("a file");
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "eval",
            "harness.rs",
            "--dataset",
            "data",
            "--json",
            "--target-model",
            "m",
            "--target-price",
            "1,1",
        ])
        .args(["--no-cache", "--target-base-url", url])
        .args(more)
        .current_dir(folder.path())
        .env_clear()
        .envs(environment())
        .env("MMH_CACHE_DIR", cache_dir());
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts")
}

/// How an evaluation ended: exit code, right answers and errors where there is a score, and what was said.
fn ended(output: &Output) -> (Option<i32>, Option<(u64, u64)>, String) {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let number = |name: &str| json["score"][name].as_u64();
    let score = number("n_correct").zip(number("n_errors"));
    (output.status.code(), score, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What is every request's trouble is no score of a harness: exit code 3, and the provider's own words.
#[tokio::test(flavor = "multi_thread")]
async fn a_providers_trouble_is_no_score() {
    let all = |reply: fn() -> Reply| -> Handler { Box::new(move |_| reply()) };
    // name, what the server does, what is said
    let table: Vec<(&str, Handler, &str)> = vec![
        (
            "an unknown model, with 400",
            all(|| refusal(400, "x/y is not a valid model ID")),
            "is not a valid model ID",
        ),
        (
            "spent credit, with 400",
            all(|| refusal(400, "Your credit balance is too low")),
            "add credit at the provider",
        ),
        (
            "a wrong key, with 400 and a list",
            all(|| {
                Reply::new(
                    400,
                    r#"[{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
                )
            }),
            "API key not valid",
        ),
        ("a wrong key, with 403 and words", all(|| Reply::new(403, "go away")), "go away"),
        (
            "a path that is not there",
            all(|| Reply::new(404, r#"{"detail":"Not Found"}"#)),
            "is the address right?",
        ),
        (
            "words that nobody knows",
            all(|| refusal(422, "the moon is in the seventh house")),
            "seventh house",
        ),
        ("nothing at all", all(|| Reply::new(400, "")), "400 Bad Request"),
        (
            "a parameter that nobody can change",
            all(|| refusal(400, "stream: extra fields not permitted")),
            "extra fields",
        ),
        (
            "a window that is too small for anything",
            all(|| refusal(400, "This model's maximum context length is 8 tokens")),
            "maximum context length is 8 tokens",
        ),
        (
            "a filter that takes nothing",
            all(|| Reply::new(400, r#"{"error":{"code":"content_filter","message":"no"}}"#)),
            "no",
        ),
        ("broken", all(|| refusal(500, "oops")), "oops"),
        ("overloaded", all(|| refusal(429, "slow down")), "--concurrency"),
        ("a web page", all(|| Reply::new(200, "<html><title>Sign in</title>")), "a web page (\"Sign in\")"),
        ("an error with 200", all(|| Reply::new(200, r#"{"error":"no such thing"}"#)), "no such thing"),
        (
            "a stream",
            all(|| Reply::new(200, "data: {\"choices\":[]}\n\ndata: {\"choices\":[]}\n\n")),
            "a stream of events",
        ),
        ("resets", all(|| Reply::new(200, "").ending(Ending::Reset)), "cannot be reached"),
        (
            "an answer that does not come",
            all(|| Reply::new(200, "").after(Duration::from_secs(30))),
            "--target-timeout-s",
        ),
        (
            "well until the last one",
            Box::new(|request| {
                if number(request).is_none_or(|at| at == EXAMPLES - 1) {
                    refusal(400, "this account is closed")
                } else {
                    good(request)
                }
            }),
            "this account is closed",
        ),
    ];
    for (name, handler, says) in table {
        let server = Server::start(handler).await;
        for concurrency in ["1", "16"] {
            let options = ["--attempts", "1", "--target-timeout-s", "1", "--concurrency", concurrency];
            let (code, score, said) = ended(&eval(BASELINE, &server.url, &options).await);
            let name = format!("{name}, {concurrency} at once");
            assert_eq!((code, score), (Some(3), None), "{name}: {said}");
            assert!(said.contains(says) && said.contains("m at 127.0.0.1"), "{name}: {said}");
        }
    }
    let (code, score, said) = ended(&eval(BASELINE, "http://127.0.0.1:9", &["--attempts", "1"]).await);
    assert_eq!((code, score), (Some(3), None), "nobody there: {said}");
    assert!(said.contains("Connection refused") && said.contains("--target-base-url"), "{said}");
}

/// Which examples a server refuses, by their numbers.
fn refusing(which: fn(usize) -> bool, refuse: fn(&Request) -> Reply) -> Handler {
    Box::new(move |request| match number(request).is_some_and(which) {
        true => refuse(request),
        false => good(request),
    })
}

/// No sooner than a model could have answered: what is reset at once was closed before it was asked.
fn later(reply: Reply) -> Reply {
    reply.after(Duration::from_millis(60))
}

/// What one request is refused for is its own trouble: the example ends as a model error, all others are
/// scored, and finding out costs little.
#[tokio::test(flavor = "multi_thread")]
async fn a_requests_own_trouble_ends_its_example() {
    let thirds: fn(usize) -> bool = |at| at % 3 == 0;
    let one: fn(usize) -> bool = |at| at == EXAMPLES - 1;
    // name, what the server does, right answers and errors, requests at most besides one an example
    let table: Vec<(&str, Handler, (u64, u64), usize)> = vec![
        ("too long", refusing(thirds, |_| refusal(400, "prompt is too long: 9 > 8")), (8, 4), 0),
        (
            "too long, with 500",
            refusing(thirds, |_| refusal(500, "the request exceeds the available context size")),
            (8, 4),
            0,
        ),
        (
            "filtered",
            refusing(thirds, |_| Reply::new(400, r#"{"error":{"code":"content_filter"}}"#)),
            (8, 4),
            0,
        ),
        // A control request and another try for each at most.
        ("words that nobody knows", refusing(thirds, |_| refusal(400, "I would rather not")), (8, 4), 2 * 4),
        ("the last one only", refusing(one, |_| refusal(400, "I would rather not")), (11, 1), 2),
        ("breaks", refusing(thirds, |_| refusal(500, "oops")), (8, 4), 2 * 4),
        ("a reset", refusing(one, |_| later(Reply::new(200, "").ending(Ending::Reset))), (11, 1), 2),
        (
            "half an answer",
            refusing(thirds, |_| {
                Reply::new(
                    200,
                    r#"{"choices":[{"message":{"content":"it is <<lab"},"finish_reason":"error"}]}"#,
                )
            }),
            (8, 4),
            2 * 4,
        ),
        (
            "no answer in time",
            refusing(one, |_| Reply::new(200, "").after(Duration::from_secs(30))),
            (11, 1),
            2,
        ),
    ];
    for (name, handler, score, more) in table {
        let server = Server::start(handler).await;
        for concurrency in ["1", "16"] {
            let before = server.journal().len();
            let options = ["--attempts", "1", "--target-timeout-s", "1", "--concurrency", concurrency];
            let (code, found, said) = ended(&eval(BASELINE, &server.url, &options).await);
            let name = format!("{name}, {concurrency} at once");
            assert_eq!((code, found), (Some(0), Some(score)), "{name}: {said}");
            let requests = server.journal().len() - before;
            assert!(requests <= EXAMPLES + more, "{name}: {requests} requests");
        }
    }
}

/// A refusal that passes is no error at all: the request is tried once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_costs_nothing() {
    let seen: Mutex<HashMap<Option<usize>, u32>> = Mutex::default();
    let server = Server::start(move |request: &Request| {
        let mut seen = seen.lock().expect("no panic");
        let times = seen.entry(number(request)).or_default();
        *times += 1;
        if *times == 1 && number(request) == Some(5) { refusal(400, "try me again") } else { good(request) }
    })
    .await;
    let (code, score, said) = ended(&eval(BASELINE, &server.url, &["--attempts", "1"]).await);
    assert_eq!((code, score), (Some(0), Some((12, 0))), "{said}");
}

/// What a harness chooses cannot end the run: a temperature that the model refuses, a limit that is too
/// small for it, a stop text that it does not take.
#[tokio::test(flavor = "multi_thread")]
async fn a_harness_cannot_end_the_run_by_what_it_sends() {
    let harness = |how: &str| BASELINE.replace(".max_tokens(64)", how);
    let odd = |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let tokens = body["max_tokens"].as_u64().unwrap_or_default();
        body.get("stop").is_some() || !(16..=2048).contains(&tokens)
    };
    let server = Server::start(move |request: &Request| match odd(request) {
        true => refusal(400, "your credit balance is too low, says somebody"),
        false => good(request),
    })
    .await;
    for how in [".max_tokens(1)", ".max_tokens(4096)", ".max_tokens(64).stop(\"x\")"] {
        let source = harness(how);
        assert!(source.contains(how), "the baseline asks otherwise now");
        let (code, score, said) = ended(&eval(&source, &server.url, &["--attempts", "1"]).await);
        assert_eq!((code, score), (Some(0), Some((0, 12))), "{how}: {said}");
    }
}

/// A harness that asks no model is scored, whether there is one or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_harness_that_asks_nobody_needs_no_model() {
    let source = r#"
        use mmh_sdk::prelude::*;
        struct Guess;
        impl Harness for Guess {
            type State = ();
            fn predict(task: &Task, _: &(), _: &Input, _: &Model) -> Result<Answer> {
                Ok(Answer::new(task.labels[0].clone()))
            }
        }
        mmh_sdk::export!(Guess);
    "#;
    let (code, score, said) = ended(&eval(source, "http://127.0.0.1:9", &["--attempts", "1"]).await);
    assert_eq!((code, score.map(|(_, errors)| errors)), (Some(0), Some(0)), "{said}");
}

/// Many refusals at once share what is found out.
#[tokio::test(flavor = "multi_thread")]
async fn many_refusals_share_a_control_request() {
    let server = Server::start(|request: &Request| match number(request) {
        Some(_) => refusal(400, "I would rather not").after(Duration::from_millis(300)),
        None => good(request).after(Duration::from_millis(300)),
    })
    .await;
    let (code, score, said) = ended(&eval(BASELINE, &server.url, &["--attempts", "1"]).await);
    assert_eq!((code, score), (Some(0), Some((0, 12))), "{said}");
    let controls = server.journal().iter().filter(|request| number(request).is_none()).count();
    assert!((1..=3).contains(&controls), "{controls} control requests");
}

/// `mmh run` in this folder, begun or gone on with.
async fn run(folder: &Path, url: &str, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .arg("run")
        .args(args)
        .args(["--target-base-url", url, "--proposer-base-url", url])
        .current_dir(folder)
        .env_clear()
        .envs(environment())
        .env("MMH_CACHE_DIR", cache_dir());
    tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts")
}

const BEGUN: [&str; 22] = [
    "--run-id",
    "a",
    "--dataset",
    "data",
    "--iterations",
    "1",
    "--no-test",
    "--no-cache",
    "--attempts",
    "1",
    "--target-model",
    "m",
    "--target-price",
    "1,1",
    "--proposer-model",
    "p",
    "--proposer-price",
    "1,1",
    "--target-timeout-s",
    "1",
    "--proposer-timeout-s",
    "1",
];

/// The proposer of a search: it submits the baseline with another comment.
fn proposed(request: &Request) -> Option<Reply> {
    // It asks what the baseline asks, and is another component.
    let code = BASELINE.replace("the reply names none", "the reply has none");
    let arguments = json!({ "code": code, "reasoning": "# Mine" }).to_string();
    let call = json!({ "id": "c", "type": "function", "function": { "name": "write_harness", "arguments": arguments } });
    let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let reply = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }], "usage": { "prompt_tokens": 9, "completion_tokens": 9 } });
    request.body.contains("\"tools\"").then(|| Reply::new(200, reply.to_string()))
}

/// Trouble in the middle of a search, with the target or with the proposer: nothing is scored over it, and once
/// it is gone the search goes on to the end that it would have had.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_on_once_the_provider_is_well() {
    let spent = |_: &Request| refusal(400, "this account is not served until credit is added");
    let slow = |_: &Request| Reply::new(200, "").after(Duration::from_secs(30));
    let reset = |_: &Request| Reply::new(200, "").ending(Ending::Reset);
    let load = |_: &Request| refusal(429, "slow down");
    // name, whether it is the proposer's, the trouble, answers of that model before it
    type Row = (&'static str, bool, fn(&Request) -> Reply, usize);
    let table: [Row; 6] = [
        ("the target's credit", false, spent, 17),
        ("the target's credit, in the last call", false, spent, 2 * EXAMPLES - 1),
        ("a target that is gone", false, reset, 5),
        ("a target that is overloaded", false, load, 5),
        ("the proposer's credit", true, spent, 0),
        ("a proposer that does not answer", true, slow, 0),
    ];
    for (name, of_proposer, trouble, before) in table {
        let (answered, is_well) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, well) = (answered.clone(), is_well.clone());
        let server = Server::start(move |request: &Request| {
            let proposed = proposed(request);
            // The small control request of a proposer is told by its model.
            let is_proposers = proposed.is_some() || request.body.contains("\"model\":\"p\"");
            // What is asked about the server has no body.
            if !request.body.is_empty()
                && is_proposers == of_proposer
                && !well.load(Ordering::Relaxed)
                && count.fetch_add(1, Ordering::Relaxed) >= before
            {
                return trouble(request);
            }
            proposed.unwrap_or_else(|| good(request))
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        dataset(folder.path());
        let stopped = run(folder.path(), &server.url, &BEGUN).await;
        let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
        assert_eq!(stopped.status.code(), Some(3), "{name}: {said}");
        let summary = |folder: &Path| -> Value {
            let text = fs::read_to_string(folder.join("runs/a/summary.json")).expect("a summary");
            serde_json::from_str(&text).expect("JSON")
        };
        let scored = |summary: &Value| -> Vec<u64> {
            let iterations = summary["iterations"].as_array().cloned().unwrap_or_default();
            iterations.iter().map(|it| it["score"]["n_correct"].as_u64().unwrap_or_default()).collect()
        };
        let found = summary(folder.path());
        assert_eq!(found["stopped"]["status"], "model-unusable", "{name}: {found}");
        assert!(scored(&found).iter().all(|right| *right == EXAMPLES as u64), "{name}: {found}");
        assert!(scored(&found).len() < 2, "{name}: {found}");
        let asked = server.journal().iter().filter(|request| number(request).is_some()).count();
        is_well.store(true, Ordering::Relaxed);
        let output = run(folder.path(), &server.url, &["--resume", "runs/a"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        assert_eq!(scored(&summary(folder.path())), [EXAMPLES as u64; 2], "{name}: {said}");
        // What was answered before is not asked again.
        let all = server.journal().iter().filter(|request| number(request).is_some()).count();
        let kept = if of_proposer { EXAMPLES } else { before };
        assert_eq!(all - asked, 2 * EXAMPLES - kept, "{name}");
        let verified = Command::new(PROGRAM)
            .args(["verify", "runs/a", "--dataset", "data"])
            .current_dir(folder.path())
            .env("MMH_CACHE_DIR", cache_dir())
            .output()
            .expect("it starts");
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
    }
}

/// Where the target runs on this machine it has more time, unless somebody says otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_on_this_machine_has_more_time() {
    let server = Server::start(|request: &Request| proposed(request).unwrap_or_else(|| good(request))).await;
    for (more, attempt_ms, example_ms) in
        [(&[][..], 600_000, 660_000), (&["--example-timeout-s", "7"], 600_000, 7_000)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        dataset(folder.path());
        let output = run(folder.path(), &server.url, &[&BEGUN[..18], more].concat()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let config = fs::read_to_string(folder.path().join("runs/a/config.json")).expect("a configuration");
        let limits = &serde_json::from_str::<Value>(&config).expect("JSON")["limits"];
        assert_eq!(limits["target_attempt_ms"], attempt_ms, "{more:?}");
        assert_eq!(limits["example_wall_ms"], example_ms, "{more:?}");
    }
}
