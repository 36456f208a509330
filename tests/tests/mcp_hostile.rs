//! Clients of `mmh mcp` that do not keep to the protocol, or flood it: what they cost is bounded, the search goes on, and
//! its record verifies.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use mmh_record::{format::Summary, reader::RunReader};
use mmh_search::dataset::task::BASELINE;
use mmh_tests::cache_dir;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A client that writes what it likes.
struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Starts a server of the run `a` with these options.
    fn connect(folder: &Path, options: &str) -> Self {
        let words = format!("mcp --run a --mock --eval-size 6 --no-test --patience 0 {options}");
        let mut server = Command::new(PROGRAM)
            .args(words.split(' '))
            .current_dir(folder)
            .env("MMH_CACHE_DIR", cache_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (input, output) = (server.stdin.take(), server.stdout.take());
        let output = BufReader::new(output.expect("its output"));
        let mut client = Self { server, input, output, next: 0 };
        let about = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "hostile", "version": "0" },
        });
        let said = client.request("initialize", about);
        assert_eq!(said["result"]["serverInfo"]["name"], "mmh", "{said}");
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        client
    }

    fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input");
        input.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let line = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.send(&line.to_string());
        self.next
    }

    /// The next line. Standard output has nothing but the protocol.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn answer(&mut self, id: u64) -> Value {
        loop {
            let line = self.line();
            if line["id"] == id {
                return line;
            }
        }
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    fn call(&mut self, tool: &str, input: Value) -> Value {
        self.request("tools/call", json!({ "name": tool, "arguments": input }))
    }

    /// The text of a call's result.
    fn text(&mut self, tool: &str, input: Value) -> String {
        let said = self.call(tool, input);
        said["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    fn begin(&mut self, expected: &str) {
        loop {
            let said = self.text("begin_candidate", json!({}));
            if !said.starts_with("The search is not ready") {
                return assert!(said.contains(expected), "{said}");
            }
        }
    }

    fn submit(&mut self, version: &str) {
        let code = BASELINE.replace("nothing else", version);
        let said = self.text("write_harness", json!({ "code": code, "reasoning": "# Because" }));
        assert!(said.contains("\"accepted\":true"), "{said}");
    }

    /// Disconnects: the exit code, and what was said on standard error.
    fn leave(self) -> (Option<i32>, String) {
        let Self { mut server, input, output, .. } = self;
        drop((input, output));
        let mut said = String::new();
        server.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
        (server.wait().expect("it ends").code(), said)
    }
}

/// Exit code, and all that is said.
fn mmh(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output = command.args(args).env("MMH_CACHE_DIR", cache_dir()).output().expect("it starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), said)
}

fn verifies(folder: &Path) -> Summary {
    let run = folder.join("a");
    let (_, said) = mmh(&["verify", &run.display().to_string()]);
    assert!(said.contains("all of it holds"), "{said}");
    RunReader::open(&run).and_then(|reader| reader.summary()).expect("a summary")
}

/// The options of the flooded search.
const OPTIONS: &str = "--iterations 3 --proposer-steps 2";

#[test]
fn nonsense_and_floods_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::connect(folder.path(), OPTIONS);

    // Lines that are no requests are answered with an error, or not at all, and nothing ends.
    for nonsense in [
        "",
        "{",
        "null",
        "[]",
        "\u{0}\u{1b}[2J",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"1.0\",\"id\":{},\"method\":7}",
        &"[".repeat(100_000),
    ] {
        client.send(nonsense);
    }
    // name, method, parameters
    for (name, method, params) in [
        ("an unknown method", "no/such", json!({})),
        ("no tool", "tools/call", json!({})),
        ("arguments that are no object", "tools/call", json!({ "name": "scoreboard", "arguments": 7 })),
        ("an unknown prompt", "prompts/get", json!({ "name": "other" })),
        ("an unknown resource", "resources/read", json!({ "uri": "file:///etc/passwd" })),
    ] {
        let said = client.request(method, params);
        assert!(said["error"]["code"].is_i64(), "{name}: {said}");
    }
    let said = client.text("read_sdk", json!({}));
    assert!(said.contains("call begin_candidate"), "{said}");

    client.begin("Write the harness of iteration 1");
    // Larger than what is recorded, and larger than what is read at all.
    let said = client.text("check_harness", json!({ "code": "x".repeat(9 << 20) }));
    assert!(said.contains("the arguments have 9"), "{said}");
    client.send(&format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"{}\"}}", "x".repeat(40 << 20)));
    let said = client.text("write_harness", json!({ "code": 7 }));
    assert!(said.contains("bad arguments for write_harness"), "{said}");

    // 10,000 calls without waiting for a single answer: the candidate's own limit ends it, and all are answered.
    let first = client.next + 1;
    let flood: String = (first..first + 10_000)
        .map(|id| {
            let params = json!({ "name": "no_such_tool", "arguments": { "n": id } });
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string() + "\n"
        })
        .collect();
    client.next += 10_000;
    let mut input = client.input.take().expect("its input");
    let writer = thread::spawn(move || {
        input.write_all(flood.as_bytes()).expect("it reads");
        input
    });
    let (mut unknown, mut ended) = (0, 0);
    for _ in 0..10_000 {
        let said = client.line().to_string();
        match said.contains("there is no tool") {
            true => unknown += 1,
            false if said.contains("begin_candidate") => ended += 1,
            false => panic!("{said}"),
        }
    }
    client.input = Some(writer.join().expect("all is written"));
    // 2 turns of 32 calls, of which 2 were made before.
    assert_eq!((unknown, ended), (62, 9_938));

    client.begin("Write the harness of iteration 2");
    client.submit("not more");
    // It vanishes in the middle of a call.
    client.begin("Write the harness of iteration 3");
    let code = BASELINE.replace("nothing else", "no more");
    client.ask("tools/call", json!({ "name": "check_harness", "arguments": { "code": code } }));
    let (exit, said) = client.leave();
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("the client is gone") && said.contains("`mmh mcp --run ./a` goes on"), "{said}");
    verifies(folder.path());

    // Without its proposer, the run goes no further, and loses nothing.
    let (_, said) = mmh(&["run", "--resume", &folder.path().join("a").display().to_string()]);
    assert!(said.contains("`mmh mcp --run RUN` goes on with it"), "{said}");
    verifies(folder.path());

    let mut client = Client::connect(folder.path(), OPTIONS);
    client.begin("Write the harness of iteration 3");
    client.submit("nothing more");
    client.begin("The search is over");
    assert_eq!(client.leave().0, Some(0));
    let summary = verifies(folder.path());
    let unscored: Vec<(u32, &str)> =
        summary.unscored.iter().map(|it| (it.index, it.status.as_str())).collect();
    assert_eq!(unscored, [(1, "gave-up")]);
    assert_eq!(summary.iterations.iter().map(|it| it.index).collect::<Vec<_>>(), [0, 2, 3]);
}

/// Candidates that are open at the same time are written one after the other, in whatever order they open.
#[test]
fn candidates_of_one_generation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::connect(folder.path(), "--iterations 1 --candidates 2");
    for version in ["no more", "not more"] {
        client.begin("It is candidate ");
        let first = client.text("begin_candidate", json!({}));
        assert!(client.text("read_sdk", json!({})).contains("mmh_sdk"));
        let again = client.text("begin_candidate", json!({}));
        assert_eq!(again, first, "it stays the one that is begun");
        client.submit(version);
    }
    client.begin("The search is over");
    assert_eq!(client.leave().0, Some(0));
    assert_eq!(verifies(folder.path()).iterations.len(), 3);
}

/// A client that is there no more ends the server, before it has said anything too.
#[test]
fn a_client_that_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let request = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    // name, what it sends before it goes
    for (name, sends) in [("nothing", ""), ("no-greeting", request)] {
        let mut server = Command::new(PROGRAM)
            .args(["mcp", "--mock", "--iterations", "1", "--eval-size", "6", "--run"])
            .arg(folder.path().join(name))
            .env("MMH_CACHE_DIR", cache_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = server.stdin.take().expect("its input");
        input.write_all(sends.as_bytes()).expect("it reads");
        drop(input);
        assert_eq!(server.wait().expect("it ends").code(), Some(0), "{name}");
    }
}
