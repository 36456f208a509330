//! Whole searches with the real program against an independent model server (aimock), in both wire formats:
//! a proposer that thinks, calls two tools at once, submits what does not compile, and then what does.
//!
//! The server is an npm package; `cargo xtask setup` installs it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use mmh_search::dataset::task::BASELINE;
use mmh_tests::{cache_dir, root};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const KEY: &str = "sk-e2e-93ab17cd";

/// A wire format and the models that speak it.
struct Format {
    name: &'static str,
    base: &'static str,
    proposer: &'static str,
    target: &'static str,
    /// Prices, where the catalog has none.
    prices: &'static [&'static str],
    /// What three turns of the proposer and one call of the target cost.
    proposer_usd: f64,
    target_usd: f64,
}

const FORMATS: [Format; 2] = [
    Format {
        name: "anthropic",
        base: "",
        proposer: "claude-sonnet-4-6",
        target: "claude-haiku-4-5",
        prices: &[],
        // 1,000 in and 200 out a turn, at 3 and 15 dollars per million; 100 and 4 a call, at 1 and 5.
        proposer_usd: 3.0 * 0.006,
        target_usd: 0.000_12,
    },
    Format {
        name: "openai",
        base: "/v1",
        proposer: "gpt-scripted",
        target: "small-scripted",
        prices: &["--proposer-price", "3,15", "--target-price", "1,5"],
        proposer_usd: 3.0 * 0.006,
        target_usd: 0.000_12,
    },
];

/// A harness that compiles, asks what the baseline asks, and is another component.
fn good_source() -> String {
    BASELINE.replace("the reply names none", "the reply has none")
}

/// What the server says: by model, and by how often the model has spoken in the conversation.
fn fixtures(format: &Format) -> Value {
    let usage = |input: u32, output: u32| match format.name {
        "anthropic" => json!({ "input_tokens": input, "output_tokens": output }),
        _ => json!({ "prompt_tokens": input, "completion_tokens": output }),
    };
    let turn = |at: u32, thought: &str, calls: Value| {
        json!({
            "match": { "endpoint": "chat", "model": format.proposer, "turnIndex": at },
            "response": {
                "reasoning": thought,
                "reasoningSignature": format!("signature-{at}"),
                "toolCalls": calls,
                "usage": usage(1000, 200),
            },
        })
    };
    let call =
        |id: &str, name: &str, arguments: Value| json!({ "id": id, "name": name, "arguments": arguments });
    let submit = |id: &str, code: &str, reasoning: &str| {
        json!([call(id, "write_harness", json!({ "code": code, "reasoning": reasoning }))])
    };
    let look = json!([
        call("t1a", "scoreboard", json!({})),
        call("t1b", "read_eval_trace", json!({ "iteration": 0, "only_failures": true })),
    ]);
    json!({ "fixtures": [
        turn(0, "First the scores, and the failures of iteration 0.", look),
        turn(1, "A first try.", submit("t2", "this is not Rust", "first try")),
        turn(2, "That did not compile.", submit("t3", &good_source(), "# A second look")),
        { "match": { "endpoint": "chat", "model": format.target }, "response": { "content": "migraine", "usage": usage(100, 4) } },
    ] })
}

/// A running aimock.
struct Aimock {
    child: Child,
    address: String,
}

impl Aimock {
    fn start(folder: &Path, fixtures: &Value) -> Self {
        let cli = root().join("tests/aimock/node_modules/@copilotkit/aimock/dist/cli.js");
        assert!(cli.is_file(), "aimock is not installed: `cargo xtask setup` does it");
        let file = folder.join("fixtures.json");
        fs::write(&file, fixtures.to_string()).expect("a file");
        // Should this test be killed, the server ends by itself.
        let mut child = Command::new("timeout")
            .args(["300", "node"])
            .arg(cli)
            .args(["-p", "0", "-h", "127.0.0.1", "--strict", "--journal-max", "0", "-f"])
            .arg(file)
            .env("AIMOCK_API_KEYS", KEY)
            .env("AIMOCK_STRICT_TURN_INDEX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").expect("text");
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().to_owned();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Everything that was asked of it and how it answered, oldest first.
    fn journal(&self) -> Vec<Value> {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let host = &self.address;
        write!(stream, "GET /__aimock/journal HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let start = answer.find("\r\n[").map_or_else(|| answer.find('[').expect(&answer), |at| at + 2);
        let end = answer.rfind(']').expect("an array");
        let body = &answer[start..=end];
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Requests that this model got.
    fn asked(&self, model: &str) -> Vec<Value> {
        let entries = self.journal().into_iter().filter(|entry| entry["body"]["model"] == model);
        entries.collect()
    }
}

impl Drop for Aimock {
    fn drop(&mut self) {
        // `timeout` hands the signal on to the server.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

struct Ran {
    output: Output,
    run: std::path::PathBuf,
}

impl Ran {
    fn json(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.run.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        serde_json::from_str(&text).expect("JSON")
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.run.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn said(&self) -> String {
        let Output { stdout, stderr, .. } = &self.output;
        format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    }
}

/// `mmh run` of one iteration in this folder, with its own cache of replies over the shared compiled things.
fn run(folder: &Path, server: &Aimock, format: &Format, id: &str, more: &[&str]) -> Ran {
    let url = format!("http://{}{}", server.address, format.base);
    let output = Command::new(PROGRAM)
        .args(["run", "--iterations", "1", "--eval-size", "5", "--no-test", "--run-id", id])
        .args([
            "--proposer-model",
            format.proposer,
            "--proposer-base-url",
            &url,
            "--proposer-key-env",
            "E2E_KEY",
        ])
        .args(["--target-model", format.target, "--target-base-url", &url, "--target-key-env", "E2E_KEY"])
        .args(format.prices)
        .args(more)
        .current_dir(folder)
        .env("MMH_CACHE_DIR", folder.join("cache"))
        .env_remove("E2E_KEY")
        .env_remove("MMH_LOG")
        .output()
        .expect("the program starts");
    Ran { output, run: folder.join("runs").join(id) }
}

/// A folder with a key in `.env` and compiled things that other tests have made already.
fn folder(key: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), format!("# mine\nE2E_KEY=\"{key}\"\n")).expect("a file");
    fs::create_dir(folder.path().join("cache")).expect("a folder");
    fs::create_dir_all(cache_dir().join("sdk")).expect("a folder");
    for kind in ["sdk", "components", "native"] {
        if cache_dir().join(kind).is_dir() {
            std::os::unix::fs::symlink(cache_dir().join(kind), folder.path().join("cache").join(kind))
                .expect("a link");
        }
    }
    folder
}

/// Every file under a folder that contains this text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, kind) = (entry.path(), entry.file_type().expect("a type"));
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file() && !path.ends_with(".env") {
            let bytes = fs::read(&path).expect("it is read");
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn close(left: &Value, right: f64) -> bool {
    left.as_f64().is_some_and(|left| (left - right).abs() < 1e-9)
}

#[test]
fn a_search_in_both_wire_formats() {
    for format in &FORMATS {
        let (name, folder) = (format.name, folder(KEY));
        let server = Aimock::start(folder.path(), &fixtures(format));
        let first = run(folder.path(), &server, format, "first", &["--verbose"]);
        let said = first.said();
        assert_eq!(first.output.status.code(), Some(0), "{name}: {said}");
        let wrong = server.journal().into_iter().filter(|it| it["response"]["status"] != 200).count();
        assert_eq!(wrong, 0, "{name}: the server understood every request");

        let summary = first.json("summary.json");
        assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(2), "{name}: {said}");
        assert_eq!(summary["iterations"][1]["harness_code"], good_source().as_str(), "{name}");
        assert_eq!(summary["iterations"][1]["reasoning"], "# A second look", "{name}");
        transcript(name, &first.lines("iterations/001/proposer.jsonl"));
        replayed(format, &server);
        costs(format, &first);
        for part in ["gen_ai.request.model", "gen_ai.usage.input_tokens=1000", "gen_ai.operation.name"] {
            assert!(said.contains(part), "{name}: {part} is not in the log: {said}");
        }

        // The same again asks the proposer, whose replies are not kept, and the target nothing.
        let asked = server.asked(format.target).len();
        let again = run(folder.path(), &server, format, "again", &[]);
        assert_eq!(again.output.status.code(), Some(0), "{name}: {}", again.said());
        assert_eq!(server.asked(format.target).len(), asked, "{name}: kept replies are not asked for");
        let cost = again.json("cost.json");
        assert!(close(&cost["target_usd"], 0.0) && cost["target_input_tokens"] == 0, "{name}: {cost}");
        assert!(close(&cost["proposer_usd"], format.proposer_usd), "{name}: {cost}");
        for row in again.lines("iterations/000/model_calls.jsonl") {
            assert!(
                row["cached"] == true && row["attempts"] == 0 && close(&row["cost_usd"], 0.0),
                "{name}: {row}"
            );
        }
        assert_eq!(again.lines("iterations/000/eval_trace.jsonl")[0]["cached_calls"], 1, "{name}");
        assert_eq!(
            again.json("iterations/001/score.json")["total_fuel"],
            first.json("iterations/001/score.json")["total_fuel"],
            "{name}"
        );

        // Unless one wants to.
        let third = run(folder.path(), &server, format, "third", &["--no-cache"]);
        assert_eq!(third.output.status.code(), Some(0), "{name}: {}", third.said());
        assert_eq!(
            server.asked(format.target).len(),
            asked + 10,
            "{name}: --no-cache asks for every example"
        );

        assert_eq!(files_with(folder.path(), KEY), Vec::<String>::new(), "{name}: the key is in no file");
        assert!(!said.contains(KEY) && !again.said().contains(KEY), "{name}: the key is not shown");
    }
}

/// The transcript tells the whole story: thoughts, both calls of one turn, diagnostics, the submission.
fn transcript(name: &str, rows: &[Value]) {
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["type"].as_str()).collect();
    assert_eq!(kinds, ["start", "reply", "answer", "reply", "answer", "reply", "answer", "end"], "{name}");
    let blocks: Vec<&Value> = rows[1]["reply"]["content"].as_array().into_iter().flatten().collect();
    let of = |kind: &str| blocks.iter().filter(|block| block["type"] == kind).count();
    assert_eq!((of("thinking"), of("tool_use")), (1, 2), "{name}: {blocks:?}");
    let results = rows[2]["content"].as_array().expect("results");
    assert_eq!(results.len(), 2, "{name}: both results in one turn");
    assert!(
        results[0]["content"].as_str().is_some_and(|text| text.contains("\"accuracy\"")),
        "{name}: {results:?}"
    );
    assert!(
        results[1]["content"].as_str().is_some_and(|text| text.contains("example_id")),
        "{name}: {results:?}"
    );
    let diagnostics = rows[4]["content"][0]["content"].as_str().unwrap_or_default();
    assert!(
        diagnostics.contains("did-not-compile") && diagnostics.contains("expected"),
        "{name}: {diagnostics}"
    );
    assert_eq!(rows[7]["outcome"], "submitted", "{name}");
}

/// The server got the thoughts back. (Its journal keeps them in one format; in the other one it has
/// refused, by status, conversations without them.)
fn replayed(format: &Format, server: &Aimock) {
    let asked = server.asked(format.proposer);
    assert_eq!(asked.len(), 3, "{}", format.name);
    let messages = asked[2]["body"]["messages"].as_array().expect("messages");
    let roles: Vec<&str> = messages.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "tool", "assistant", "tool"],
        "{}",
        format.name
    );
    let results: Vec<&str> = messages.iter().filter_map(|message| message["tool_call_id"].as_str()).collect();
    assert_eq!(results, ["t1a", "t1b", "t2"], "{}", format.name);
    if format.name == "openai" {
        assert_eq!(messages[2]["reasoning_content"], "First the scores, and the failures of iteration 0.");
        assert_eq!(messages[5]["reasoning_content"], "A first try.");
    }
}

fn costs(format: &Format, ran: &Ran) {
    let (name, cost) = (format.name, ran.json("cost.json"));
    let calls = ran.lines("iterations/000/model_calls.jsonl").len()
        + ran.lines("iterations/001/model_calls.jsonl").len();
    assert_eq!(calls, 10, "{name}: five examples, twice");
    // Equal requests are asked once: the second harness asks what the first one did.
    let paid =
        ran.lines("iterations/000/model_calls.jsonl").iter().filter(|row| row["cached"] == false).count();
    let target_usd = paid as f64 * format.target_usd;
    assert!(close(&cost["proposer_usd"], format.proposer_usd), "{name}: {cost}");
    assert!(close(&cost["target_usd"], target_usd), "{name}: {paid} calls, {cost}");
    assert!(close(&cost["estimated_usd"], format.proposer_usd + target_usd), "{name}: {cost}");
    assert!(close(&cost["unknown_usd"], 0.0) && close(&cost["budget_usd"], 15.0), "{name}: {cost}");
    assert_eq!(
        (&cost["proposer_input_tokens"], &cost["proposer_output_tokens"]),
        (&json!(3000), &json!(600)),
        "{name}"
    );
    assert!(close(&cost["iterations"][1]["proposer_usd"], format.proposer_usd), "{name}: {cost}");
    let shown = Command::new(PROGRAM).arg("cost").arg(&ran.run).output().expect("it starts");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("proposer") && shown.contains("0.0180") && shown.contains("of a budget of 15.00 USD"),
        "{name}: {shown}"
    );
}

#[test]
fn a_budget_that_is_spent_and_a_key_that_is_wrong_end_the_search_cleanly() {
    let format = &FORMATS[0];
    let (good, bad) = (folder(KEY), folder("sk-wrong-one"));
    let server = Aimock::start(good.path(), &fixtures(format));
    // Enough for the baseline, not for a turn of the proposer.
    let poor = run(good.path(), &server, format, "poor", &["--budget-usd", "0.02"]);
    assert_eq!(poor.output.status.code(), Some(4), "{}", poor.said());
    let summary = poor.json("summary.json");
    assert_eq!(summary["stopped"]["status"], "budget-spent", "{summary}");
    assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(1), "the baseline's score is kept");
    assert_eq!(summary["unscored"][0]["status"], "budget-spent");
    assert_eq!(summary["finished_at"], Value::Null);
    for part in ["stopped, the budget is spent", "--budget-usd raises the budget", "stopped, budget-spent:"] {
        assert!(poor.said().contains(part), "{part:?} is not in {}", poor.said());
    }
    assert!(server.asked(format.proposer).is_empty());

    let wrong = run(bad.path(), &server, format, "wrong", &[]);
    assert_eq!(wrong.output.status.code(), Some(3), "{}", wrong.said());
    assert!(
        wrong.said().contains("claude-haiku-4-5 at 127.0.0.1")
            && wrong.said().contains("check the key in E2E_KEY"),
        "{}",
        wrong.said()
    );
    assert_eq!(wrong.json("summary.json")["stopped"]["status"], "model-unusable");
    assert!(!wrong.said().contains("sk-wrong-one") && files_with(bad.path(), "sk-wrong-one").is_empty());
}
