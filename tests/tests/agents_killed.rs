//! A hundred kills of searches whose proposer is a command: of the host, or of a process of the agent, at random. Nothing is lost,
//! the run goes on, and no process and no socket is left.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mmh_tests::agents::{Place, contents, differing};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

const KILLS: u32 = 100;

/// An agent that looks at the scoreboard, checks a harness and submits it, each candidate another one.
const SCRIPT: &str = r##"#!/bin/sh
set -eu
n=$(sed -n 's/^Write the harness of iteration \([0-9]*\).*/\1/p' TASK.md)
mmh call scoreboard > scoreboard.json
sed "s/one label and nothing else/one label (version $n) and nothing else/" history/000/harness.rs > harness.rs
mmh note "Version $n"
echo "# Version $n" > reasoning.md
mmh submit harness.rs --reasoning reasoning.md
"##;

/// How many iterations a run has, each of two candidates.
const ITERATIONS: &str = "4";
const CANDIDATES: usize = 8;

fn search(place: &Place, runs: &str) -> Command {
    place.search(runs, &["--iterations", ITERATIONS, "--candidates", "2"])
}

fn quiet(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Waits so long: whether the search has ended, and well.
fn ended(child: &mut Child, within: Duration) -> bool {
    let until = Instant::now() + within;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().expect("it runs") {
            assert!(status.success(), "{status}");
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Kills a process of an agent, if there is one: the keeper, bubblewrap, or the script.
fn kill_agent(place: &Place, random: &mut fastrand::Rng) -> bool {
    let mut processes = place.processes();
    // The host has the agent's name in its arguments.
    processes.retain(|(_, line)| line.contains("scripted-agent") && !line.contains("--proposer-command"));
    let found = random.choice(&processes).and_then(|(pid, _)| Pid::from_raw(*pid));
    found.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

/// Kills a search and its agents until it comes to its end. Returns the kills of the host and of agents.
fn killed_run(place: &Place, runs: &str, whole: Duration, random: &mut fastrand::Rng) -> (u32, u32) {
    let (mut of_host, mut of_agents) = (0, 0);
    let kills_agents = random.bool();
    loop {
        let mut child = quiet(&mut search(place, runs));
        loop {
            if ended(&mut child, whole.mul_f64(0.05 + 0.3 * random.f64())) {
                place.assert_nothing_is_left(&format!("the end of {runs}"));
                return (of_host, of_agents);
            }
            if !kills_agents || random.u32(..3) == 0 {
                break;
            }
            of_agents += u32::from(kill_agent(place, random));
        }
        child.kill().and_then(|()| child.wait()).expect("it is killed");
        of_host += 1;
        assert!(of_host < 50, "{runs} comes to an end");
        place.assert_nothing_is_left(&format!(
            "{runs} after {of_host} kills of the host, {of_agents} of agents"
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_a_hundred_kills() {
    let place = Place::new(PROGRAM, SCRIPT).await;
    assert!(search(&place, "whole").output().expect("it starts").status.success());
    // The next one is as long as those that are killed: what was compiled once is kept.
    let begun = Instant::now();
    assert!(search(&place, "again").output().expect("it starts").status.success());
    let whole = begun.elapsed();
    let expected = contents(&place.path("whole/a"));
    let (mut random, mut host, mut agents, mut rounds) = (fastrand::Rng::with_seed(16), 0, 0, 0);
    while host + agents < KILLS {
        rounds += 1;
        let runs = format!("round-{rounds}");
        let (of_host, of_agents) = killed_run(&place, &runs, whole, &mut random);
        (host, agents) = (host + of_host, agents + of_agents);
        let run = place.path(&runs).join("a");
        let summary = fs::read(run.join("summary.json")).expect("a summary");
        let summary: Value = serde_json::from_slice(&summary).expect("JSON");
        let [scored, unscored] =
            ["iterations", "unscored"].map(|name| summary[name].as_array().expect("a list"));
        assert_eq!(scored.len() + unscored.len(), 1 + CANDIDATES, "{runs}");
        assert!(unscored.len() <= of_agents as usize, "{runs}: {of_agents} kills of agents: {unscored:?}");
        for it in unscored {
            let is_killed =
                it["reason"].as_str().is_some_and(|it| it.contains("its command ended without a harness"));
            assert!(it["status"] == "gave-up" && is_killed, "{runs}: {it}");
        }
        if of_agents == 0 {
            // What a command had printed is lost if the host is killed between its submission and its end.
            let differ = differing(&expected, &contents(&run), "agent.log");
            assert!(differ.is_empty(), "{runs} after {of_host} kills: {differ:?}");
        } else {
            let said = place.verify(&runs);
            assert!(said.contains("all of it holds"), "{runs}: {said}");
        }
    }
    let said = place.verify("whole");
    assert!(said.contains("all of it holds"), "{said}");
    assert!(agents >= 3, "{host} kills of hosts and {agents} of agents");
    println!("{host} kills of hosts and {agents} of agents in {rounds} runs");
}
