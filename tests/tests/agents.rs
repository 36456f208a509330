//! Searches whose proposer is a command in a work folder: scripted agents. Hostile ones are in `hostile`, killed ones in
//! `agents_killed`.

use std::{fs, path::Path};

use mmh_tests::{
    agents::{Place, contents, differing, said},
    runs::reseal,
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// An agent that looks around, tries a harness and submits it, each candidate another one.
const SCRIPT: &str = r##"#!/bin/sh
set -eu
n=$(sed -n 's/^Write the harness of iteration \([0-9]*\).*/\1/p' TASK.md)
mmh call scoreboard > scoreboard.json
example=$(head -n 1 history/000/eval_trace.jsonl | grep -o '"example_id":"[^"]*"' | cut -d '"' -f 4)
sed "s/one label and nothing else/one label (version $n) and nothing else/" history/000/harness.rs > harness.rs
mmh check harness.rs
mmh try harness.rs --example "$example" > tried.json
echo 'fn main() {' > broken.rs
echo "# Version $n" > reasoning.md
if mmh submit broken.rs --reasoning reasoning.md > refused.json; then exit 9; fi
mmh submit harness.rs --reasoning reasoning.md > accepted.json
echo "candidate $n is done"
"##;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// Two candidates at once: the run verifies, a changed byte of the log is found, and a second run has the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn scripted_agents_propose_two_candidates_at_once() {
    let place = Place::new(PROGRAM, SCRIPT).await;
    let args = ["--iterations", "2", "--candidates", "2"];
    for runs in ["one", "two"] {
        let output = place.search(runs, &args).output().expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("proposer unknown"), "{}", said(&output));
    }
    let run = place.path("one/a");
    let config = read(&run.join("config.json"));
    assert_eq!(
        (&config["proposer_kind"], &config["proposer_model"]),
        (&json!("tools"), &json!("scripted-agent"))
    );
    let command = &config["proposer_command"];
    assert_eq!((&command["confined"], &command["network"]), (&json!(true), &json!(false)), "{command}");
    assert_eq!(command["unknown"].as_array().map(Vec::len), Some(3));
    let summary = read(&run.join("summary.json"));
    assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(5), "{}", summary["unscored"]);
    for index in 1..=4 {
        let folder = run.join(format!("iterations/{index:03}"));
        let log = fs::read_to_string(folder.join("agent.log")).expect("a log");
        assert!(log.ends_with(&format!("candidate {index} is done\n")), "{log}");
        assert!(
            fs::read_to_string(folder.join("harness.rs"))
                .expect("a source")
                .contains(&format!("(version {index})"))
        );
        let rows = fs::read_to_string(folder.join("proposer.jsonl")).expect("a transcript");
        assert_eq!(rows.lines().filter(|row| row.contains("\"tool_call\"")).count(), 5, "{rows}");
    }
    assert!(place.verify("one").contains("all of it holds"), "{}", place.verify("one"));
    let differ = differing(&contents(&run), &contents(&place.path("two/a")), "");
    assert!(differ.is_empty(), "{differ:?}");
    place.assert_nothing_is_left("at the end");
    // What the command said is an input: its bytes are those of the manifest.
    let log = run.join("iterations/001/agent.log");
    fs::write(&log, fs::read_to_string(&log).expect("a log").replace("done", "gone")).expect("written");
    assert!(place.verify("one").contains("it does not hold"));
    let cost = said(&place.mmh(&["cost"]).arg(&run).output().expect("it starts"));
    assert!(cost.contains("unknown"), "{cost}");
}

/// What cannot go together, or would show the command what is not its own, is refused before there is a run.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_options_are_refused() {
    let place = Place::new(PROGRAM, SCRIPT).await;
    let command = ["--proposer-command", "true"];
    let runs = place.path("runs").display().to_string();
    let whole = place.folder.path().display().to_string();
    // arguments, what is said
    let table: [(Vec<&str>, &str); 8] = [
        ([&command[..], &["--proposer-model", "kimi-k2.6"]].concat(), "cannot be used with"),
        (vec!["--proposer-network"], "--proposer-command"),
        ([&command[..], &["--proposer-read", &runs]].concat(), "the command must not see"),
        ([&command[..], &["--proposer-read", &whole]].concat(), "the command must not see"),
        ([&command[..], &["--proposer-read", "/no/such/file"]].concat(), "No such file"),
        ([&command[..], &["--proposer-env", "NO_SUCH_VARIABLE"]].concat(), "no such variable"),
        ([&command[..], &["--proposer-env", "HOME"]].concat(), "no such variable"),
        (vec!["--proposer-command", " "], "the command is empty"),
    ];
    for (args, expected) in table {
        let output =
            place.mmh(&["run", "--mock", "--iterations", "1"]).args(&args).output().expect("it starts");
        let said = said(&output);
        assert!(!output.status.success() && said.contains(expected), "{args:?}: {said}");
    }
    let real = ["run", "--target-model", "kimi-k2.6", "--proposer-env", "MOONSHOT_API_KEY"];
    let said = said(&place.mmh(&real).args(command).output().expect("it starts"));
    assert!(said.contains("it holds the key of the target"), "{said}");
    // Outside of a work folder there is nobody to ask.
    for args in [&["call", "scoreboard"][..], &["try", "agent/scripted-agent", "--example", "val-0001"]] {
        let output = place.mmh(args).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    // A run that goes on needs its command again, and no other one.
    assert!(place.search("runs", &["--iterations", "1"]).output().expect("it starts").status.success());
    let run = place.path("runs/a").display().to_string();
    for more in [&[][..], &command[..]] {
        let output = place
            .mmh(&["run", "--iterations", "2", "--resume", &run])
            .args(more)
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("the run's proposer is the command scripted-agent"), "{more:?}: {said}");
    }
    reseal(Path::new(&run));
}
