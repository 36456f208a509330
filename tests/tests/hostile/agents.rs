//! Hostile and broken agents of `--proposer-command`: whatever one does, it is refused or bounded and on record, the search goes
//! on, the run verifies, and nothing is left of it.

use std::{fs, time::Instant};

use mmh_tests::agents::{KEY, Place, SECRET, said};
use serde_json::Value;

use crate::{PROGRAM, table::Row};

/// A hostile or broken agent.
struct Agent {
    name: &'static str,
    tries: &'static str,
    script: &'static str,
    options: &'static [&'static str],
    /// The status of its candidate, and what the reason has. `scored` if it gets a score.
    ends: (&'static str, &'static str),
}

/// What it prints must show nothing that is not its own.
const SECRETS: [&str; 4] = [KEY, SECRET, "\"test-0", "\"dataset_digest\""];

const CASES: [Agent; 15] = [
    Agent {
        name: "looks_around",
        tries: "Looks for test rows, keys, other runs and files beside the run, by paths and by `../`",
        script: "#!/bin/sh
cat ../secret ../../secret $(dirname $0)/../secret; ls -R .. | head -n 500; ls -la /work /root /home
for up in .. ../.. $(dirname $0)/..; do cat $up/runs/other/iterations/000/harness.rs; cat $up/runs/*/config.json; done
env; cat /proc/*/environ; find / -name config.json 2>/dev/null -exec cat {} +; grep -rh 'test-0' . | head
cat /etc/shadow
cp history/000/harness.rs harness.rs; sed -i 's/nothing else/nothing more/' harness.rs
echo '# Looks' > reasoning.md; mmh submit harness.rs --reasoning reasoning.md",
        options: &[],
        ends: ("scored", ""),
    },
    Agent {
        name: "submits_without_end",
        tries: "Submits ten thousand times",
        script: "#!/bin/sh
echo 'fn main() {' > harness.rs; echo '# Again' > reasoning.md
n=0; while [ $n -lt 10000 ]; do mmh submit harness.rs --reasoning reasoning.md > /dev/null; n=$((n+1)); done",
        options: &["--proposer-steps", "2"],
        ends: ("did-not-compile", "it used up its 64 tool calls"),
    },
    Agent {
        name: "floods_socket",
        tries: "Floods the socket with lines that are no calls",
        script: "#!/usr/bin/perl
use Socket; $SIG{PIPE} = 'IGNORE';
for (1..400) { socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ENV{MMH_SOCKET})) or next;
syswrite $s, \"nonsense $_\\n\" x 50; push @kept, $s; }
sleep 86399.25;",
        options: &[],
        ends: ("gave-up", "it sent 100 lines to its socket that are no tool calls"),
    },
    Agent {
        name: "endless_line",
        tries: "Sends one line without an end",
        script: "#!/usr/bin/perl
use Socket; $SIG{PIPE} = 'IGNORE';
socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ENV{MMH_SOCKET}));
for (1..2000) { syswrite $s, 'x' x 65536 or last; }
exit 4;",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 4"),
    },
    Agent {
        name: "never_ends",
        tries: "Never ends",
        script: "#!/bin/sh\nsleep 86399.25",
        options: &["--proposer-command-timeout-s", "1"],
        ends: ("gave-up", "its command ran for 1 s without a harness (--proposer-command-timeout-s)"),
    },
    Agent {
        name: "leaves_daemons",
        tries: "Leaves daemons behind, in sessions of their own",
        script: "#!/bin/sh\n(setsid sleep 86399.25 &) ; setsid sh -c 'trap \"\" TERM HUP; sleep 86399.25' & exit 0",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 0"),
    },
    Agent {
        name: "leaves_daemons_unconfined",
        tries: "Leaves daemons behind, and has all rights of the user",
        script: "#!/bin/sh\n(setsid sleep 86399.25 &) ; setsid sh -c 'trap \"\" TERM HUP; sleep 86399.25' & exit 0",
        options: &["--proposer-unconfined"],
        ends: ("gave-up", "its command ended without a harness, by exit code 0"),
    },
    Agent {
        name: "floods_output",
        tries: "Prints 50 MB",
        script: "#!/bin/sh\nyes flood | head -c 50000000; exit 7",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 7"),
    },
    Agent {
        name: "no_program",
        tries: "Is no program",
        script: "#!/no/such/interpreter\n",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 127"),
    },
    Agent {
        name: "asks_tools_for_more",
        tries: "Asks the tools for test rows, for iterations that are not there, and for paths",
        script: "#!/bin/sh
cp history/000/harness.rs harness.rs; sed -i 's/nothing else/nothing more/' harness.rs
for id in test-0000 test-0001 ../test/000 val-0000/../../test/test-0000 /etc/passwd; do
if mmh try harness.rs --example $id > said; then exit 9; fi; done
for input in '{\"iteration\":\"../../test/000\"}' '{\"iteration\":-1}' '{\"iteration\":999}' '{\"iteration\":1}'; do
for tool in read_harness read_score read_reasoning read_eval_trace; do
if mmh call $tool \"$input\" > said; then exit 9; fi; done; done
if mmh call read_train '{\"split\":\"test\"}' > said; then exit 9; fi
if mmh call read_file '{\"path\":\"config.json\"}' > said; then exit 9; fi
echo '# Asks' > reasoning.md; mmh submit harness.rs --reasoning reasoning.md",
        options: &[],
        ends: ("scored", ""),
    },
    Agent {
        name: "forks_and_forks",
        tries: "Forks 500 processes, each in a session of its own",
        script: "#!/bin/sh
n=0; while [ $n -lt 500 ]; do setsid sleep 86399.25 & n=$((n+1)); done; sleep 86399.25",
        options: &["--proposer-command-timeout-s", "3"],
        ends: ("gave-up", "its command ran for 3 s without a harness (--proposer-command-timeout-s)"),
    },
    Agent {
        name: "links_in_folder",
        tries: "Fills its folder with links that lead out of it, in place of what is there",
        script: "#!/bin/sh
cp history/000/harness.rs kept.rs; sed -i 's/nothing else/nothing more/' kept.rs
rm -rf history sdk; ln -s / root; ln -s ../../.. up; ln -s /etc history; ln -s $(dirname $0)/.. sdk; ln -s loop loop
ln -s ../secret harness.rs; ln -s /etc/shadow reasoning.md; mmh submit harness.rs --reasoning reasoning.md
ln -s /proc/1/environ environ.rs; cat environ.rs; mmh check environ.rs
rm reasoning.md; echo '# Links' > reasoning.md; mmh submit kept.rs --reasoning reasoning.md",
        options: &[],
        ends: ("scored", ""),
    },
    Agent {
        name: "links_in_folder_unconfined",
        tries: "Fills its folder with links that lead out of it, and has all rights of the user: nothing behind them is removed",
        script: "#!/bin/sh
there=$(cd $(dirname $0)/.. && pwd); rm -rf history sdk train.jsonl; ln -s $there history; ln -s $there/runs/other sdk
ln -s $there/secret train.jsonl; exit 3",
        options: &["--proposer-unconfined"],
        ends: ("gave-up", "its command ended without a harness, by exit code 3"),
    },
    Agent {
        name: "giant_source",
        tries: "Submits sources of 1 MiB and of 3 MiB, and one of zeros, which is larger than a line of the socket may be",
        script: "#!/bin/sh
echo '# Large' > reasoning.md
{ printf '// '; head -c 3145728 /dev/zero | tr '\\000' x; } > three.rs; head -c 1048576 three.rs > one.rs; head -c 1048576 /dev/zero > zeros.rs
for source in three zeros one; do if mmh submit $source.rs --reasoning reasoning.md; then exit 9; fi; done
exit 5",
        options: &[],
        ends: ("source-too-large", "more than the limit of 256 KiB"),
    },
    Agent {
        name: "removes_socket",
        tries: "Removes the socket, puts a file and then a folder in its place, and goes on to submit",
        script: "#!/bin/sh
rm .mmh/socket; echo no > .mmh/socket
cp history/000/harness.rs harness.rs; echo '# Gone' > reasoning.md
if mmh submit harness.rs --reasoning reasoning.md; then exit 9; fi
rm -rf .mmh/socket; mkdir .mmh/socket
if mmh submit harness.rs --reasoning reasoning.md; then exit 9; fi
exit 6",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 6"),
    },
];

/// Every case, one after the other: each looks for what the others would leave.
pub async fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for agent in CASES {
        let begun = Instant::now();
        one(&agent).await;
        let (case, tries) = (format!("agent/{}", agent.name), agent.tries.to_owned());
        let seconds = begun.elapsed().as_secs_f64();
        println!("{case:<36} {:<18} {seconds:>5.1} s", agent.ends.0);
        rows.push(Row { case, tries, outcome: agent.ends.0.to_owned(), seconds });
    }
    rows
}

async fn one(Agent { name, script, options, ends: (status, reason), .. }: &Agent) {
    let place = Place::new(PROGRAM, script).await;
    let args = [&["--iterations", "1"], *options].concat();
    let output = place.search("runs", &args).output().expect("it starts");
    let run = place.path("runs/a");
    let summary = fs::read(run.join("summary.json")).expect("a summary");
    let summary: Value = serde_json::from_slice(&summary).expect("JSON");
    assert!(!summary["finished_at"].is_null(), "{name}: {}", said(&output));
    place.assert_nothing_is_left(name);
    let log = fs::read(run.join("iterations/001/agent.log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    match *status {
        "scored" => assert_eq!(summary["iterations"][1]["index"], 1, "{name}: {} {log}", summary["unscored"]),
        _ => {
            let found = &summary["unscored"][0];
            assert_eq!(found["status"], *status, "{name}: {found} {log}");
            assert!(found["reason"].as_str().is_some_and(|it| it.contains(reason)), "{name}: {found} {log}");
        }
    }
    // An agent with all rights sees what the user sees, and says nothing here.
    let seen: Vec<&str> = SECRETS.into_iter().filter(|secret| log.contains(secret)).collect();
    assert!(seen.is_empty(), "{name} saw {seen:?}: {log}");
    assert!(log.len() <= 3 << 20, "{name}: a log of {} bytes", log.len());
    for kept in ["secret", "runs/other/iterations/000/harness.rs", "agent/scripted-agent"] {
        assert!(place.path(kept).is_file(), "{name}: {kept} is gone");
    }
    let verified = place.verify("runs");
    assert!(verified.contains("all of it holds"), "{name}: {verified}");
}
