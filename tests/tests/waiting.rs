//! Waiting for models and for memory: strict servers, servers that are not there, servers that say how much they take, and
//! calls that do not fit into the memory together.

use std::{
    net::TcpListener,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::future::join_all;
use mmh_engine::{
    memory::MemoryBudget,
    sandbox::{CallContext, CallIndex, ModelPort, Task},
};
use mmh_models::{
    ChatRequest,
    cancel::{Cancel, Stop},
    catalog::{Catalog, Overrides},
    metering::{MeteredModel, RetryPolicy, RunContext, budget::Budget, throttle::Throttle},
    remote::{Remote, Role},
};
use mmh_record::{
    chat::{Block, CallOutcome, ChatMessage, ChatReply, ChatRole},
    clock::Clock,
    digest::Digest,
    limits::Limits,
    outcome::OutcomeKind,
};
use mmh_tests::{
    builder_sharing, cache_dir,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The default of `--concurrency`.
const AT_ONCE: usize = 64;

fn said(text: &str) -> String {
    json!({ "choices": [{ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }], "usage": { "prompt_tokens": 9, "completion_tokens": 1 } }).to_string()
}

/// A target at this address, as a run asks it.
fn target(url: &str, at_once: usize, attempts: u32) -> (MeteredModel, Cancel) {
    let catalog = Catalog::builtin().expect("well-formed");
    let over = Overrides { base_url: Some(url.to_owned()), ..Overrides::default() };
    let model = catalog.resolve("some-model", &over, "").expect("any model of a server of one's own");
    let remote = Remote::new(model, Role::Target, None, false).expect("a client");
    let retry_policy = RetryPolicy { attempts, attempt: Duration::from_secs(30), ..RetryPolicy::ONCE };
    let cancel = Cancel::default();
    let run =
        RunContext { budget: Arc::new(Budget::unlimited()), clock: Clock::System, cancel: cancel.clone() };
    let price = mmh_record::pricing::Price::default();
    (MeteredModel::new(Arc::new(remote), price, Throttle::new(at_once), retry_policy, run), cancel)
}

fn request(text: &str) -> ChatRequest {
    let messages = vec![ChatMessage::text(ChatRole::User, text)];
    ChatRequest { messages, max_tokens: 16, ..ChatRequest::default() }
}

/// How strict a server is.
#[derive(Clone, Copy)]
enum Allows {
    /// So many requests in progress.
    AtOnce(usize),
    /// So many requests in any second.
    PerSecond(usize),
}

/// A server that answers after a while, and with 429 what it does not allow.
async fn strict(allows: Allows, latency: Duration, header: Option<(&'static str, &'static str)>) -> Server {
    let taken: Mutex<Vec<Instant>> = Mutex::default();
    Server::start(move |_: &Request| {
        let (mut taken, now) = (taken.lock().expect("no panic"), Instant::now());
        let (most, ends) = match allows {
            Allows::AtOnce(most) => (most, now + latency),
            Allows::PerSecond(most) => (most, now + Duration::from_secs(1)),
        };
        taken.retain(|end| *end > now);
        if taken.len() < most {
            taken.push(ends);
            return Reply::new(200, said("a")).after(latency);
        }
        let refused = Reply::new(429, r#"{"error":{"message":"slow down"}}"#);
        header.into_iter().fold(refused, |reply, (name, value)| reply.header(name, value))
    })
    .await
}

/// What 64 callers at once meet, who have 60 seconds each, as an example has.
async fn call_all(server: &Server, calls: usize) -> (usize, Option<Stop>, Duration) {
    let (model, cancel) = target(&server.url, AT_ONCE, 6);
    let (next, begun) = (Mutex::new(0..calls), Instant::now());
    let lane = async || {
        let mut answered = 0;
        loop {
            let Some(at) = next.lock().expect("no panic").next() else { break answered };
            let called = model.call(&request(&format!("call {at}")), Some(Duration::from_secs(60))).await;
            answered += usize::from(called.result.is_ok());
        }
    };
    let answered = join_all((0..AT_ONCE).map(|_| lane())).await.into_iter().sum();
    (answered, cancel.why(), begun.elapsed())
}

/// The first burst of calls, and all that follow: no call is lost, the run does not stop, and the server is not stormed.
#[tokio::test(flavor = "multi_thread")]
async fn strict_servers_are_waited_for() {
    use Allows::{AtOnce, PerSecond};
    let ms = Duration::from_millis;
    let (second, soon) = (Some(("retry-after", "1")), Some(("retry-after-ms", "100")));
    // name, what is allowed, how long an answer takes, what else a refusal says, calls, requests and seconds at most
    let table = [
        ("all at once", AtOnce(64), ms(50), None, 200, 200, 3),
        ("one at once", AtOnce(1), ms(10), None, 100, 350, 20),
        ("four at once", AtOnce(4), ms(50), None, 200, 600, 20),
        ("four at once, for long", AtOnce(4), ms(1500), None, 50, 200, 45),
        ("four at once, in a second", AtOnce(4), ms(50), second, 100, 350, 45),
        ("four at once, soon", AtOnce(4), ms(50), soon, 200, 600, 20),
        ("32 at once", AtOnce(32), ms(200), None, 400, 700, 20),
        ("ten a second", PerSecond(10), ms(20), None, 100, 350, 30),
        ("ten a second, in a second", PerSecond(10), ms(20), second, 100, 350, 30),
        ("ten a second, soon", PerSecond(10), ms(20), soon, 100, 400, 30),
        ("two a second", PerSecond(2), ms(20), None, 50, 250, 55),
    ];
    let rows = table.map(|(name, allows, latency, header, calls, requests, seconds)| async move {
        let server = strict(allows, latency, header).await;
        let (answered, stop, took) = call_all(&server, calls).await;
        let asked = server.journal().len();
        println!("{name}: {calls} calls, {asked} requests, {took:.1?}");
        assert_eq!((answered, stop), (calls, None), "{name}");
        assert!(asked <= requests, "{name}: {asked} requests for {calls} calls");
        assert!(took < Duration::from_secs(seconds), "{name}: {took:?}");
    });
    join_all(rows).await;
}

/// A server that only complains ends the run as soon as it was asked often enough, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_complains_ends_the_run() {
    // attempts, calls at once, requests at most
    for (attempts, at_once, requests) in [(1, 1, 1), (1, 16, 16), (3, 1, 3), (3, 16, 16 + 8 + 4)] {
        let server = strict(Allows::AtOnce(0), Duration::ZERO, None).await;
        let (model, cancel) = target(&server.url, at_once, attempts);
        let calls =
            join_all((0..at_once).map(async |at| model.call(&request(&at.to_string()), None).await)).await;
        let name = format!("{attempts} attempts, {at_once} at once");
        assert!(calls.iter().all(|call| call.result.is_err()), "{name}");
        let asked = server.journal().len();
        assert!((attempts as usize..=requests).contains(&asked), "{name}: {asked} requests");
        let Some(Stop::ModelUnusable(why)) = cancel.why() else { panic!("{name}: {:?}", cancel.why()) };
        assert!(why.contains("--concurrency") && why.contains("given up after"), "{name}: {why}");
    }
}

/// An address at which nothing listens.
fn closed_port(host: &str) -> u16 {
    let listener = TcpListener::bind((host, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Nobody waits long for a server on this machine that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_within_a_second() {
    for (host, bind) in
        [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("localhost", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")]
    {
        let address = format!("{host}:{}", closed_port(bind));
        let (model, cancel) = target(&format!("http://{address}/v1"), AT_ONCE, 6);
        let begun = Instant::now();
        let calls =
            join_all((0..AT_ONCE).map(async |at| model.call(&request(&at.to_string()), None).await)).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{address}: {:?}", begun.elapsed());
        assert!(calls.iter().all(|call| call.result.is_err()), "{address}");
        let Some(Stop::ModelUnusable(why)) = cancel.why() else { panic!("{address}: {:?}", cancel.why()) };
        let words = [&*address, "Connection refused", "start the server", "--target-base-url"];
        assert!(words.iter().all(|it| why.contains(it)), "{address}: {why}");
    }
}

/// A server that is just being started again is tried again for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_again_is_found() {
    let port = closed_port("127.0.0.1");
    let (model, _) = target(&format!("http://127.0.0.1:{port}"), 4, 6);
    let server = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let listener =
            tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free still");
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.read(&mut [0; 4096]).await;
        let body = said("a");
        let answer = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.expect("it is sent");
        stream.shutdown().await.expect("it is closed");
    });
    let called = model.call(&request("hello"), None).await;
    assert_eq!(called.result.expect("it is answered").text(), "a");
    server.await.expect("no panic");
}

/// A server on this machine says how many calls it takes, or it is said why there are so many. What was chosen is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_this_machine_says_how_much_it_takes() {
    let llama = r#"{"models":[],"data":[{"id":"m","owned_by":"llamacpp"}]}"#;
    let vllm = r#"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#;
    // name, answers to /props and to /v1/models, options, calls at once, what is said
    let table = [
        ("llama.cpp", r#"{"total_slots":3}"#, llama, &[][..], 3, "has 3 slots"),
        ("llama.cpp, but asked", r#"{"total_slots":3}"#, llama, &["--concurrency", "5"], 5, ""),
        ("llama.cpp without properties", "no such page", llama, &[], 16, "does not say how many"),
        ("vLLM", "no such page", vllm, &[], 64, "vLLM at 127.0.0.1"),
        (
            "Ollama",
            "no such page",
            r#"{"data":[{"id":"m","owned_by":"library"}]}"#,
            &[],
            16,
            "does not say how many",
        ),
        ("nothing", "", "", &[], 16, "does not say how many"),
    ];
    for (name, props, models, options, expected, says) in table {
        let server = Server::start(move |request: &Request| match request.path.split('?').next() {
            Some("/props") => Reply::new(if props.starts_with('{') { 200 } else { 404 }, props),
            Some("/v1/models") => Reply::new(200, models),
            _ => Reply::new(200, said("flu")),
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("{}/v1", server.url);
        let mut command = Command::new(PROGRAM);
        command
            .args([
                "run",
                "--iterations",
                "0",
                "--no-test",
                "--eval-size",
                "4",
                "--run-id",
                "r",
                "--allow-unpriced",
            ])
            .args(["--target-model", "m", "--target-base-url", &url])
            .args(["--proposer-model", "m", "--proposer-base-url", &url])
            .args(options)
            .arg("--cache-dir")
            .arg(cache_dir())
            .env_clear()
            .envs(mmh_tests::environment())
            .current_dir(folder.path());
        let output = command.output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {told}");
        let config = std::fs::read(folder.path().join("runs/r/config.json")).expect("it is there");
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        assert_eq!(config["concurrency"], expected, "{name}");
        let lines: Vec<&str> =
            told.lines().filter(|line| line.contains("calls of the target at once")).collect();
        match says {
            "" => assert_eq!(lines, [""; 0], "{name}: who asks knows"),
            says => assert!(lines.len() == 1 && lines[0].contains(says), "{name}: {told}"),
        }
    }
}

/// A harness that has a large state and asks its model once.
const LARGE_STATE: &str = r#"
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = String;

    fn predict(_task: &Task, state: &String, input: &Input, model: &Model) -> Result<Answer> {
        let reply = model.ask(format!("{input} {}", state.len()))?;
        Ok(Answer::new(reply))
    }
}

mmh_sdk::export!(Guest);
"#;

/// Answers after a while, and knows how many wait for it at once.
struct Slow {
    latency: Duration,
    waiting: Mutex<(usize, usize)>,
}

#[async_trait]
impl ModelPort for Slow {
    async fn complete(&self, _: &Arc<ChatRequest>, _: CallIndex, _: Duration) -> CallOutcome {
        {
            let mut waiting = self.waiting.lock().expect("no panic");
            waiting.0 += 1;
            waiting.1 = waiting.1.max(waiting.0);
        }
        tokio::time::sleep(self.latency).await;
        self.waiting.lock().expect("no panic").0 -= 1;
        let content = vec![Block::Text { text: "a".into() }];
        CallOutcome::unasked(Ok(ChatReply { content, ..ChatReply::default() }))
    }
}

/// Calls wait for memory: the budget holds, and each call ends as it would alone.
#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_for_memory() {
    const MIB: u64 = 1 << 20;
    let limits = Limits { memory_bytes: 8 * MIB, example_wall_ms: 20_000, ..Limits::default() };
    let state = format!("\"{}\"", "x".repeat(1 << 20)).into_bytes();
    let task = Task { name: "t".into(), instructions: "i".into(), labels: vec!["a".into()] };
    let mut alone: Option<(u64, u64)> = None;
    // name, budget in MiB, calls at once at least and at most
    let table = [
        ("no limit", u64::MAX >> 20, 10, 24),
        ("room for many", 64, 6, 19),
        ("room for a few", 20, 2, 6),
        ("room for one", 9, 1, 1),
    ];
    for (name, total_mib, least, most) in table {
        let budget = MemoryBudget::new(total_mib * MIB);
        let builder = builder_sharing(PROGRAM, limits.clone(), budget.clone()).await;
        let built = builder.build(LARGE_STATE).await.expect("the host can go on").expect("it builds");
        let model = Arc::new(Slow { latency: Duration::from_millis(150), waiting: Mutex::default() });
        let calls = (0..24).map(|_| async {
            let context =
                CallContext { task: &task, state: &state, seed: Digest::of("seed"), model: model.clone() };
            builder.sandbox.predict(&built.prepared, context, &"text".into()).await
        });
        let reports = join_all(calls).await;
        for report in &reports {
            let kind = report.result.as_ref().err().map_or(OutcomeKind::Ok, |failure| failure.kind);
            assert_eq!(kind, OutcomeKind::Ok, "{name}: {:?}", report.result);
            let used = (report.fuel, report.peak_memory_bytes);
            assert_eq!(*alone.get_or_insert(used), used, "{name}");
        }
        let at_once = model.waiting.lock().expect("no panic").1;
        assert!((least..=most).contains(&at_once), "{name}: {at_once} at once");
        assert!(budget.most_held_bytes() <= total_mib * MIB, "{name}: {}", budget.most_held_bytes());
        println!("{name}: {at_once} at once, {} MiB", budget.most_held_bytes() / MIB);
    }
}

/// A budget that has no room for one call is an error at the start, which names both options.
#[test]
fn too_little_memory_for_one_call_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let output = Command::new(PROGRAM)
        .args(["run", "--mock", "--total-memory-mib", "64"])
        .current_dir(folder.path())
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--total-memory-mib 64") && told.contains("--memory-mib"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(10) && !folder.path().join("runs").exists());
}
