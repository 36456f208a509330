//! Searches whose proposer is a command in a work folder: scripted agents, honest and hostile ones.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mmh_tests::{builder, cache_dir, copy_folder, files_below, runs::reseal};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A key of the host, which no agent may see.
const KEY: &str = "sk-the-key-of-the-host";

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

/// A folder with an agent, a cache and runs.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    async fn new(script: &str) -> Self {
        builder(PROGRAM, Default::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        copy_folder(&cache_dir().join("sdk"), &folder.path().join("cache/sdk"));
        fs::create_dir(folder.path().join("agent")).expect("created");
        let agent = folder.path().join("agent/scripted-agent");
        fs::write(&agent, script).expect("written");
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).expect("it can be run");
        fs::write(folder.path().join("secret"), "a secret beside the run\n").expect("written");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What names the agent, at the beginning and each time that the run goes on.
    fn agent(&self) -> Vec<String> {
        let [agent, folder] =
            ["agent/scripted-agent", "agent"].map(|name| self.path(name).display().to_string());
        vec!["--proposer-command".into(), agent, "--proposer-read".into(), folder]
    }

    fn mmh(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.folder.path()).env("MMH_CACHE_DIR", self.path("cache"));
        command.env("MOONSHOT_API_KEY", KEY).stdin(Stdio::null());
        command
    }

    /// A new search below a folder, or the rest of it.
    fn search(&self, runs: &str, more: &[&str]) -> Command {
        let run = self.path(runs).join("a");
        let run = run.to_str().expect("UTF-8");
        let mut command = if Path::new(run).exists() {
            self.mmh(&["run", "--resume", run])
        } else {
            let mut command = self.mmh(&["run", "--mock", "--run-id", "a", "--runs-dir", runs]);
            command.args(["--eval-size", "6", "--no-test", "--patience", "0"]).args(more);
            command
        };
        command.args(["--fixed-clock", "2026-01-01T00:00:00Z"]).args(self.agent());
        command
    }

    fn verify(&self, runs: &str) -> String {
        let output = self.mmh(&["verify"]).arg(self.path(runs).join("a")).output().expect("it starts");
        said(&output)
    }

    /// Whether any process or socket of an agent is there.
    fn left(&self) -> Vec<String> {
        let scratch = self.path("cache/scratch");
        let sockets = files_and_sockets(&scratch).into_iter();
        let sockets =
            sockets.filter(|path| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket()));
        let name = self.folder.path().display().to_string();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.contains(&name) || line.contains(MARK)).then_some(line)
        });
        sockets.map(|path| path.display().to_string()).chain(processes).collect()
    }

    fn assert_nothing_is_left(&self, name: &str) {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < given_up, "{name}: {left:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A word in the arguments of what hostile agents leave behind.
const MARK: &str = "86399.25";

fn files_and_sockets(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_and_sockets(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn contents(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: &Path| path.strip_prefix(run).expect("below").display().to_string();
    files_below(run).iter().map(|path| (named(path), fs::read(path).expect("a file"))).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// The names of the files that differ, but for one kind.
fn differing(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>, but: &str) -> Vec<String> {
    let names = one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name));
    names
        .filter(|name| but.is_empty() || !(name.ends_with(but) || name.ends_with("manifest.json")))
        .cloned()
        .collect()
}

/// Two candidates at once: the run verifies, a changed byte of the log is found, and a second run has the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn scripted_agents_propose_two_candidates_at_once() {
    let place = Place::new(SCRIPT).await;
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

/// The command is started again after a kill of the host: its first calls get the recorded results, and the run ends as
/// one that nobody killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_search_of_agents_ends_as_if_nobody_had_killed_it() {
    let place = Place::new(SCRIPT).await;
    let args = ["--iterations", "2", "--candidates", "2"];
    assert!(place.search("whole", &args).output().expect("it starts").status.success());
    // The next one is as long as those that are killed: what was compiled once is kept.
    let begun = Instant::now();
    assert!(place.search("again", &args).output().expect("it starts").status.success());
    let whole = begun.elapsed();
    let expected = contents(&place.path("whole/a"));
    let mut random = fastrand::Rng::with_seed(16);
    let mut kills = 0;
    for runs in ["first", "second", "third"] {
        loop {
            let mut child = quiet(&mut place.search(runs, &args));
            let until = Instant::now() + whole.mul_f64(0.1 + 0.7 * random.f64());
            let ended = loop {
                match child.try_wait().expect("it runs") {
                    Some(status) => break Some(status),
                    None if Instant::now() >= until => break None,
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
            };
            if let Some(status) = ended {
                assert!(status.success(), "{runs}: {status}");
                break;
            }
            child.kill().and_then(|()| child.wait()).expect("it is killed");
            kills += 1;
            assert!(kills < 100, "it comes to an end");
            place.assert_nothing_is_left(&format!("{runs} after {kills} kills"));
        }
        // What a command had printed is lost if the host is killed between its submission and its end.
        let found = contents(&place.path(runs).join("a"));
        let differ = differing(&expected, &found, "agent.log");
        assert!(differ.is_empty(), "{runs} after {kills} kills: {differ:?}");
        let said = place.verify(runs);
        assert!(said.contains("all of it holds"), "{runs}: {said}");
    }
    assert!(kills >= 3, "{kills} kills");
    println!("{kills} kills");
}

fn quiet(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// A hostile or broken agent.
struct Hostile {
    name: &'static str,
    script: &'static str,
    options: &'static [&'static str],
    /// The status of its candidate, and what the reason has. `scored` if it gets a score.
    ends: (&'static str, &'static str),
}

/// What it prints must show nothing that is not its own.
const SECRETS: [&str; 4] = [KEY, "a secret beside", "\"test-0", "\"dataset_digest\""];

const HOSTILE: [Hostile; 9] = [
    Hostile {
        name: "it looks for what is not its own",
        script: "#!/bin/sh
cat ../secret ../../secret $(dirname $0)/../secret; ls -R .. | head -n 500; ls -la /work /root /home
env; cat /proc/*/environ; find / -name config.json 2>/dev/null -exec cat {} +; grep -rh 'test-0' . | head
cat /etc/shadow
cp history/000/harness.rs harness.rs; sed -i 's/nothing else/nothing more/' harness.rs
echo '# Looks' > reasoning.md; mmh submit harness.rs --reasoning reasoning.md",
        options: &[],
        ends: ("scored", ""),
    },
    Hostile {
        name: "it submits ten thousand times",
        script: "#!/bin/sh
echo 'fn main() {' > harness.rs; echo '# Again' > reasoning.md
n=0; while [ $n -lt 10000 ]; do mmh submit harness.rs --reasoning reasoning.md > /dev/null; n=$((n+1)); done",
        options: &["--proposer-steps", "2"],
        ends: ("did-not-compile", "it used up its 64 tool calls"),
    },
    Hostile {
        name: "it floods the socket with lines that are no calls",
        script: "#!/usr/bin/perl
use Socket; $SIG{PIPE} = 'IGNORE';
for (1..400) { socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ENV{MMH_SOCKET})) or next;
syswrite $s, \"nonsense $_\\n\" x 50; push @kept, $s; }
sleep 86399.25;",
        options: &[],
        ends: ("gave-up", "it sent 100 lines to its socket that are no tool calls"),
    },
    Hostile {
        name: "it sends one line without an end",
        script: "#!/usr/bin/perl
use Socket; $SIG{PIPE} = 'IGNORE';
socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ENV{MMH_SOCKET}));
for (1..2000) { syswrite $s, 'x' x 65536 or last; }
exit 4;",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 4"),
    },
    Hostile {
        name: "it never ends",
        script: "#!/bin/sh\nsleep 86399.25",
        options: &["--proposer-command-timeout-s", "1"],
        ends: ("gave-up", "its command ran for 1 s without a harness (--proposer-command-timeout-s)"),
    },
    Hostile {
        name: "it leaves processes behind",
        script: "#!/bin/sh\n(setsid sleep 86399.25 &) ; setsid sh -c 'trap \"\" TERM HUP; sleep 86399.25' & exit 0",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 0"),
    },
    Hostile {
        name: "it leaves processes behind, with all rights",
        script: "#!/bin/sh\n(setsid sleep 86399.25 &) ; setsid sh -c 'trap \"\" TERM HUP; sleep 86399.25' & exit 0",
        options: &["--proposer-unconfined"],
        ends: ("gave-up", "its command ended without a harness, by exit code 0"),
    },
    Hostile {
        name: "it prints without end",
        script: "#!/bin/sh\nyes flood | head -c 50000000; exit 7",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 7"),
    },
    Hostile {
        name: "it is no program",
        script: "#!/no/such/interpreter\n",
        options: &[],
        ends: ("gave-up", "its command ended without a harness, by exit code 127"),
    },
];

/// Whatever an agent does, it is refused or bounded and on record, the search goes on, the run verifies, and nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_agents_harm_nobody() {
    for Hostile { name, script, options, ends: (status, reason) } in HOSTILE {
        let place = Place::new(script).await;
        let args = [&["--iterations", "1"], options].concat();
        let output = place.search("runs", &args).output().expect("it starts");
        let run = place.path("runs/a");
        let summary = read(&run.join("summary.json"));
        assert!(!summary["finished_at"].is_null(), "{name}: {}", said(&output));
        place.assert_nothing_is_left(name);
        match status {
            "scored" => assert_eq!(summary["iterations"][1]["index"], 1, "{name}: {}", summary["unscored"]),
            _ => {
                let found = &summary["unscored"][0];
                assert_eq!(found["status"], status, "{name}: {found}");
                assert!(found["reason"].as_str().is_some_and(|it| it.contains(reason)), "{name}: {found}");
            }
        }
        let log = fs::read(run.join("iterations/001/agent.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let seen: Vec<&str> = SECRETS.into_iter().filter(|secret| log.contains(secret)).collect();
        assert!(seen.is_empty(), "{name} saw {seen:?}: {log}");
        assert!(log.len() <= 3 << 20, "{name}: a log of {} bytes", log.len());
        let verified = place.verify("runs");
        assert!(verified.contains("all of it holds"), "{name}: {verified}");
    }
}

/// What cannot go together, or would show the command what is not its own, is refused before there is a run.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_options_are_refused() {
    let place = Place::new(SCRIPT).await;
    let command = ["--proposer-command", "true"];
    let runs = place.path("runs").display().to_string();
    fs::create_dir(place.path("runs")).expect("created");
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
