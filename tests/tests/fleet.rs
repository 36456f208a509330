//! Calls on other machines: a real NATS server, real workers, and what happens when they die, lie or are others.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mmh_engine::{
    build::{Builder, Built},
    runner::{HarnessCall, LearnedState, Runner, Trained},
    sandbox::{CallIndex, LabelledExample, ModelPort, Report, Task},
};
use mmh_fleet::{
    Access, FleetError, Tell,
    coordinator::{Fleet, Settings},
};
use mmh_record::{
    chat::{CallOutcome, ChatRequest},
    digest::Digest,
    input::Input,
    limits::Limits,
};
use mmh_tests::{
    builder, cache_dir,
    echo::Echo,
    files_below,
    fleet::{Nats, command, wait_for, worker},
    guest, guests,
    nats::free_port,
    runs::asking,
};
use serde::Serialize;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Keeps all clocks still, so that files can be compared byte by byte.
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned()).concat()
}

fn access(url: &str) -> Access {
    Access { url: url.into(), credentials: None, authority: None }
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.strip_prefix(folder).expect("below").display().to_string();
    files_below(folder).iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect()
}

/// A server, a worker and a coordinator are hosts of their own, joined by slow lines that lose packets and are cut.
#[tokio::test(flavor = "multi_thread")]
async fn three_hosts_with_bad_lines_end_with_the_same_bytes() {
    builder(PROGRAM, Limits::default()).await;
    let script = mmh_tests::root().join("tests/fleet/three-hosts.sh");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount"]).arg(script).arg(PROGRAM);
    command.env("CUT_S", "3").env("MMH_CACHE_DIR", cache_dir());
    let output = command.output().expect("unshare of util-linux");
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("each way, 2 lines cut: the same bytes"), "{told}");
    let counts = told.lines().filter_map(|line| line.split_once(" packets carried, "));
    let lost: Vec<u32> = counts.filter_map(|(_, lost)| lost.strip_suffix(" lost")?.parse().ok()).collect();
    assert!(matches!(lost[..], [one, two] if one > 0 && two > 0), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_over_two_workers_is_the_same_bytes() {
    builder(PROGRAM, Limits::default()).await;
    let (nats, folder) = (Nats::start(&[]), tempfile::tempdir().expect("a folder"));
    let url = nats.url();
    let _workers = ["one", "two"].map(|name| worker(PROGRAM, &url, name, &[]));
    wait_for(PROGRAM, &url, 2);
    let search = ["run", "--mock", "--iterations", "1", "--eval-size", "12", "--run-id", "a"];
    let learning = ["--baseline", "few-shot-all", "--protocol", "online", "--batch-size", "20"];
    let search = [&search[..], &learning, &CLOCK].concat();
    let fleet = ["--workers", &url, "--audit-share", "0.2"];
    // name, arguments
    let table = [
        ("a search here", [&search[..], &["--runs-dir", "here"]].concat()),
        ("a search there", [&search[..], &["--runs-dir", "there"], &fleet].concat()),
        ("checked there", [&["verify", "there/a"][..], &fleet].concat()),
        ("checked here", vec!["verify", "there/a"]),
        ("an evaluation here", vec!["eval", "nearest", "--mock", "--json", "--eval-size", "40"]),
        (
            "an evaluation there",
            [&["eval", "nearest", "--mock", "--json", "--eval-size", "40"][..], &fleet].concat(),
        ),
    ];
    let mut printed = Vec::new();
    for (name, args) in table {
        let output = command(PROGRAM, folder.path(), &args).output().expect("the program starts");
        assert!(output.status.success(), "{name}: {}", said(&output));
        assert!(!said(&output).contains("warning"), "{name}: {}", said(&output));
        printed.push(output.stdout);
    }
    let [here, there] = ["here/a", "there/a"].map(|run| contents(&folder.path().join(run)));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&here), names(&there));
    let differ: Vec<&String> = here.keys().filter(|name| here[*name] != there[*name]).collect();
    assert!(differ.is_empty(), "{differ:?}");
    let [here, there] = [4, 5].map(|at| {
        let mut printed: Value = serde_json::from_slice(&printed[at]).expect("JSON");
        printed["score"]["mean_latency_ms"] = Value::Null;
        printed
    });
    assert_eq!(here, there);
}

/// A report as the record sees it: without times.
fn timeless<T: Serialize>(report: &Report<T>) -> Value {
    let mut value = serde_json::to_value(report).expect("data");
    value["own_time"] = Value::Null;
    if value["result"]["Err"]["kind"] == "timeout" {
        return value["result"]["Err"].clone();
    }
    value
}

fn task() -> Arc<Task> {
    Arc::new(Task {
        name: "cities".into(),
        instructions: "Say it.".into(),
        labels: vec!["a".into(), "b".into()],
    })
}

fn trained(built: &Built, state: &[u8]) -> Trained {
    Trained { built: built.clone(), state: LearnedState::new(state.to_vec()) }
}

fn input(text: &str) -> Input {
    Input { text: text.into(), ..Input::default() }
}

async fn built(builder: &Builder, source: &str) -> Built {
    builder.build(source).await.expect("the host can go on").expect("it builds")
}

/// What a fleet says.
fn listening() -> (Tell, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    (Arc::new(move |remark| hears.lock().expect("no panic").push(remark)), heard)
}

async fn joined(url: &str, builder: &Builder, audit_share: f64) -> (Fleet, Arc<Mutex<Vec<String>>>) {
    let (tell, heard) = listening();
    let settings = Settings { audit_share, patience: Duration::from_secs(20) };
    let fleet = Fleet::join(&access(url), settings, builder.sandbox.clone(), tell).await;
    (fleet.expect("workers are there"), heard)
}

/// Every ending of a call that there is a guest for, of harnesses and of scorers; and messages that are too large for the bus.
#[tokio::test(flavor = "multi_thread")]
async fn every_report_is_the_one_of_the_sandbox() {
    let limits = Limits { example_wall_ms: 5_000, fuel: 300_000_000, ..Limits::default() };
    let builder = builder(PROGRAM, limits).await;
    let nats = Nats::start(&[]);
    let _worker = worker(PROGRAM, &nats.url(), "one", &[]);
    wait_for(PROGRAM, &nats.url(), 1);
    let (fleet, heard) = joined(&nats.url(), &builder, 0.0).await;
    let examples =
        |text: String| vec![LabelledExample { input: input(&text), gold: "a".into(), attempt: None }; 3];
    for name in guests("run") {
        let built = built(&builder, &guest(&format!("run/{name}"))).await;
        let harness = trained(&built, b"");
        let call = harness.call(&task(), Digest::of(&name), input("echo this"));
        let here = Runner::predict(&*builder.sandbox, &harness, &call, Arc::new(Echo)).await;
        let there = fleet.predict(&harness, &call, Arc::new(Echo)).await;
        assert_eq!(timeless(&here), timeless(&there), "{name}");
        // Larger than a message of the bus.
        let text = if name == "learner.rs" { "x".repeat(1 << 20) } else { "x".into() };
        let call = harness.call(&task(), Digest::of(&name), examples(text));
        let here = Runner::learn(&*builder.sandbox, &harness, &call, Arc::new(Echo)).await;
        let there = fleet.learn(&harness, &call, Arc::new(Echo)).await;
        assert_eq!(timeless(&here), timeless(&there), "{name} learns");
    }
    for name in ["exact.rs", "judge.rs", "above_one.rs", "part_twice.rs"] {
        let source = guest(&format!("score/{name}"));
        let scorer = builder.build_scorer(&source).await.expect("the host can go on").expect("it builds");
        let answered = mmh_engine::sandbox::Answered {
            input: input("Which?"),
            gold: "Bergen".into(),
            answer: "Bergen".into(),
        };
        let call = scorer.call(&task(), Digest::of(name), answered);
        let here = Runner::score(&*builder.sandbox, &scorer, &call, Arc::new(Echo)).await;
        let there = fleet.score(&scorer, &call, Arc::new(Echo)).await;
        assert_eq!(timeless(&here), timeless(&there), "{name}");
    }
    let heard = heard.lock().expect("no panic").clone();
    assert!(heard.iter().all(|remark| remark.starts_with("fleet: ")), "{heard:?}");
}

/// A slow model that counts what it is asked.
#[derive(Default)]
struct Slow(Mutex<BTreeMap<String, u32>>);

#[async_trait]
impl ModelPort for Slow {
    async fn complete(&self, request: &Arc<ChatRequest>, place: CallIndex, left: Duration) -> CallOutcome {
        *self.0.lock().expect("no panic").entry(request.prompt_text()).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(250)).await;
        Echo.complete(request, place, left).await
    }
}

/// Workers die between a model call and its reply, between two model calls, and after the last one: every call comes to its
/// end, and no model call is made twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_costs_no_model_call_twice() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let nats = Nats::start(&[]);
    let mut workers = [0, 1].map(|at| worker(PROGRAM, &nats.url(), &format!("first {at}"), &[]));
    wait_for(PROGRAM, &nats.url(), 2);
    let (fleet, _) = joined(&nats.url(), &builder, 0.0).await;
    let (fleet, model) = (Arc::new(fleet), Arc::new(Slow::default()));
    let harness = trained(&built(&builder, &asking("a")).await, b"");
    let call = |at: u32| harness.call(&task(), Digest::of(at.to_le_bytes()), input(&format!("echo {at}")));
    let calls: Vec<HarnessCall<Input>> = (0..40).map(call).collect();
    let lanes = calls.clone().into_iter().map(|call| {
        let (fleet, harness, model) = (fleet.clone(), harness.clone(), model.clone());
        tokio::spawn(async move { fleet.predict(&harness, &call, model).await })
    });
    let lanes: Vec<_> = lanes.collect();
    for (at, wait_ms) in [(0, 350), (1, 300), (0, 600)] {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        workers[at].kill();
        workers[at] = worker(PROGRAM, &nats.url(), "another", &[]);
    }
    for (lane, call) in lanes.into_iter().zip(&calls) {
        let there = lane.await.expect("it ends");
        let here = Runner::predict(&*builder.sandbox, &harness, call, Arc::new(Echo)).await;
        assert_eq!(timeless(&here), timeless(&there));
    }
    let asked = model.0.lock().expect("no panic").clone();
    let twice: Vec<_> = asked.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!((asked.len(), twice), (80, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_of_this_version_nothing_begins() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let nats = Nats::start(&["--user", "me", "--pass", "secret"]);
    let with = |user: &str| nats.url().replace("//", &format!("//{user}@"));
    let (tell, _) = listening();
    let join = |url: String| {
        let settings = Settings { audit_share: 0.0, patience: Duration::ZERO };
        let (sandbox, tell) = (builder.sandbox.clone(), tell.clone());
        async move { Fleet::join(&access(&url), settings, sandbox, tell).await.err().expect("it fails") }
    };
    let stranger = join(with("you:wrong")).await;
    assert!(matches!(stranger, FleetError::Unreachable { .. }), "{stranger}");
    assert!(!stranger.to_string().contains("wrong"), "{stranger}");
    let nobody = join(with("me:secret")).await.to_string();
    assert!(nobody.starts_with("there is no worker at nats://127.0.0.1"), "{nobody}");
    assert!(!nobody.contains("secret"), "{nobody}");
}

/// A worker of another version, which says so and never gets a call.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_version_is_named_and_gets_no_call() {
    use futures::StreamExt;
    let builder = builder(PROGRAM, Limits::default()).await;
    let nats = Nats::start(&[]);
    let client = async_nats::connect(nats.url()).await.expect("connected");
    let mut who = client.subscribe("mmh.worker.who").await.expect("subscribed");
    let version = serde_json::json!({ "program": "0.0.9", "architecture": "riscv64", "protocol": 1 });
    let hello = serde_json::json!({ "id": "old", "name": "old\u{1b}[31m", "version": version, "processors": 1,
        "under_way": 0, "waiting": 0, "done": 0, "calls_per_s": 0.0 });
    let hello = serde_json::to_vec(&hello).expect("data");
    tokio::spawn(async move {
        while let Some(message) = who.next().await {
            let reply = message.reply.expect("a question");
            client.publish(reply, hello.clone().into()).await.expect("published");
        }
    });
    let (tell, heard) = listening();
    let settings = Settings { audit_share: 0.0, patience: Duration::from_secs(20) };
    let alone = Fleet::join(&access(&nats.url()), settings, builder.sandbox.clone(), tell).await;
    let alone = alone.err().expect("it fails").to_string();
    assert!(alone.starts_with("there is no worker of this version at "), "{alone}");
    let heard = heard.lock().expect("no panic").join("\n");
    assert!(
        heard.contains("is mmh 0.0.9 for riscv64, protocol 1, and gets no calls: this is mmh "),
        "{heard}"
    );
    assert!(!heard.contains('\u{1b}'), "{heard}");
    let _worker = worker(PROGRAM, &nats.url(), "new", &[]);
    wait_for(PROGRAM, &nats.url(), 2);
    let (fleet, _) = joined(&nats.url(), &builder, 0.0).await;
    assert_eq!(fleet.standing().workers, 1);
}

/// Makes an authority and a certificate of 127.0.0.1 in a folder.
fn certificates(folder: &Path) {
    let script = "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        openssl req -x509 $key -keyout ca.key -out ca.pem -days 30 -subj /CN=authority
        openssl req $key -keyout key.pem -out asked.pem -subj /CN=localhost
        printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > with
        openssl x509 -req -in asked.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile with -out cert.pem";
    let output = std::process::Command::new("sh").args(["-ec", script]).current_dir(folder).output();
    let output = output.expect("sh starts");
    assert!(folder.join("cert.pem").is_file(), "{}", said(&output));
}

#[test]
fn tls_wants_the_right_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let nats = Nats::start(&["--tls", "--tlscert", &file("cert.pem"), "--tlskey", &file("key.pem")]);
    let (plain, tls) = (nats.url(), nats.url().replace("nats:", "tls:"));
    // name, arguments, whether it connects
    let table: [(&str, Vec<&str>, bool); 3] = [
        ("the authority", vec!["--nats", &tls, "--nats-ca", "ca.pem"], true),
        ("the authority asks for TLS by itself", vec!["--nats", &plain, "--nats-ca", "ca.pem"], true),
        ("those of the system", vec!["--nats", &tls], false),
    ];
    for (name, args, connects) in table {
        let output = command(PROGRAM, folder.path(), &[&["workers"][..], &args].concat()).output();
        let output = output.expect("the program starts");
        assert_eq!(output.status.success(), connects, "{name}: {}", said(&output));
    }
}

/// The figures of a worker, as Prometheus asks for them.
#[test]
fn a_worker_offers_its_figures() {
    let nats = Nats::start(&[]);
    let address = format!("127.0.0.1:{}", free_port());
    let _worker = worker(PROGRAM, &nats.url(), "one", &["--metrics", &address]);
    wait_for(PROGRAM, &nats.url(), 1);
    for (path, status, part) in
        [("metrics", 200, "mmh_worker_processors{worker=\"one\",version="), ("other", 404, "GET /metrics")]
    {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("asked");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains(part), "{path}: {text}");
    }
}

/// How a worker lies, in its message: what it says, and what is said of it.
const LIES: [(&str, &str, &str); 7] = [
    ("another answer", r#"{"text":{"result":{"Ok":"no"},FUEL,REST}}"#, "its result is another"),
    ("other fuel", r#"{"text":{"result":ANSWER,"fuel":1,REST}}"#, "its fuel is another"),
    ("too much fuel", r#"{"text":{"result":{"Ok":"a"},"fuel":99999999999999,REST}}"#, "more fuel"),
    ("a reply of its own", r#"{"text":{"result":{"Ok":"a"},"fuel":1,CALLS}}"#, "a reply that nobody gave it"),
    (
        "another kind",
        r#"{"grade":{"result":{"Ok":{"score":1.0,"correct":true,"parts":{}}},"fuel":1,REST}}"#,
        "of another kind",
    ),
    ("a refusal", r#"{"refused":"I am tired"}"#, "refuses calls, which are made here: I am tired"),
    ("nothing", "null", ""),
];

/// A worker that speaks the protocol and answers every call with a lie.
async fn liar(url: String, answer: String) {
    use futures::StreamExt;
    let client = async_nats::connect(&url).await.expect("connected");
    let version = mmh_fleet::wire::Version::own();
    let hello = serde_json::json!({ "id": "liar", "name": "liar", "version": version, "processors": 1,
        "under_way": 0, "waiting": 0, "done": 0, "calls_per_s": 0.0 });
    let hello = serde_json::to_vec(&hello).expect("data");
    let mut who = client.subscribe("mmh.worker.who").await.expect("subscribed");
    let streams = async_nats::jetstream::new(client.clone());
    let greeting = tokio::spawn(async move {
        while let Some(message) = who.next().await {
            let reply = message.reply.expect("a question");
            client.publish(reply, hello.clone().into()).await.expect("published");
        }
    });
    let name = format!("workers-{}", version.token());
    let stream = loop {
        match streams.get_stream("MMH_CALLS").await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some(name.clone()),
        filter_subject: format!("mmh.call.{}.>", version.token()),
        ..Default::default()
    };
    let consumer = stream.get_or_create_consumer(&name, config).await.expect("a consumer");
    let mut calls = consumer.messages().await.expect("messages");
    while let Some(Ok(call)) = calls.next().await {
        let subject: Vec<&str> = call.subject.split('.').collect();
        let done = format!(r#"{{"worker":"liar","name":"liar","answer":{answer}}}"#);
        let head = u32::try_from(done.len()).expect("short").to_le_bytes();
        let payload = [&[0][..], &head, done.as_bytes()].concat();
        let to = format!("mmh.result.{}.{}", subject[3], subject[4]);
        streams.publish(to, payload.into()).await.expect("published").await.expect("stored");
        call.ack().await.expect("acknowledged");
    }
    greeting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lies_is_named_and_changes_no_result() {
    let builder = builder(PROGRAM, Limits::default()).await;
    let nats = Nats::start(&[]);
    let harness = trained(&built(&builder, &guest("run/surroundings.rs")).await, b"");
    let call = harness.call(&task(), Digest::of("seed"), input("echo this"));
    let here = Runner::predict(&*builder.sandbox, &harness, &call, Arc::new(Echo)).await;
    let result = serde_json::to_string(&here.result).expect("data");
    let rest =
        r#""own_time":{"secs":0,"nanos":1},"peak_memory_bytes":PEAK,"logs":[],"stdout":"","stderr":"""#
            .replace("PEAK", &here.peak_memory_bytes.to_string());
    for (name, answer, expected) in LIES {
        let answer = answer
            .replace("ANSWER", &result)
            .replace("FUEL", &format!("\"fuel\":{}", here.fuel))
            .replace("REST", &format!(r#""calls":[],{rest}"#))
            .replace("CALLS", &format!(r#""calls":["answered","answered"],{rest}"#));
        let liar = tokio::spawn(liar(nats.url(), answer));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (fleet, heard) = loop {
            let (tell, heard) = listening();
            let settings = Settings { audit_share: 1.0, patience: Duration::from_secs(20) };
            match Fleet::join(&access(&nats.url()), settings, builder.sandbox.clone(), tell).await {
                Ok(fleet) => break (fleet, heard),
                Err(FleetError::NoWorker(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        };
        for _ in 0..2 {
            let there = fleet.predict(&harness, &call, Arc::new(Echo)).await;
            assert_eq!(timeless(&here), timeless(&there), "{name}");
        }
        let heard = heard.lock().expect("no panic").join("\n");
        assert!(heard.contains(expected), "{name}: {heard}");
        assert!(expected.is_empty() || heard.contains("the worker liar"), "{name}: {heard}");
        assert!(heard.matches("is not used any more").count() <= 1, "{name}: {heard}");
        liar.abort();
    }
}

/// A worker that is told to end does so, also when its server is away.
#[test]
fn a_worker_ends_without_its_server() {
    let mut nats = Nats::start(&[]);
    let (url, folder) = (nats.url(), tempfile::tempdir().expect("a folder"));
    // `timeout` sends SIGTERM, and says 137 where it has to kill.
    let args = ["--kill-after=20", "6", PROGRAM, "worker", "--name", "w", "--nats", &url];
    let worker = command("timeout", folder.path(), &args).spawn().expect("it starts");
    wait_for(PROGRAM, &url, 1);
    nats.kill();
    let ended = worker.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(124));
}
