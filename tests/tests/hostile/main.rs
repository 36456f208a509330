//! The hostile suite: what a candidate, a component or a taken-over compiler may try, one small file each
//! under `tests/guests/hostile`, and that it is contained, named, and harms nobody beside it.
//!
//! `every_case_is_contained` starts this test program again in a network namespace of its own (see
//! `suite`); what it comes to is `docs/hostile-cases.md`.

mod agents;
mod case;
mod run;
mod search;
mod suite;
mod table;
mod world;

use std::process::Command;

/// Against the search, by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of every_case_is_contained"]
async fn against_the_search() {
    search::all().await;
}

/// Agents that propose, by themselves.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "part of every_case_is_contained"]
async fn by_agents() {
    agents::all().await;
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Acts for a compiler that was taken over.
const PRISONER: &str = env!("CARGO_BIN_EXE_prisoner");

/// A key that lies in the host's environment throughout, and that nobody may ever show.
const SECRET: &str = "sk-hostile-77f0c4e1";

/// Where the suite, started again, leaves its results.
const RESULTS: &str = "MMH_HOSTILE_RESULTS";

/// Set to go without a network namespace, where the system allows none.
const NO_NAMESPACE: &str = "MMH_HOSTILE_NO_NAMESPACE";

#[test]
fn every_case_is_contained() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["tmp", "here", "cache"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let results = folder.path().join("results.json");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // The SDK may have to be fetched, and there is no network in there.
    runtime.block_on(mmh_tests::builder(PROGRAM, mmh_record::limits::Limits::default()));
    let this = std::env::current_exe().expect("this program");
    let mut command = if std::env::var_os(NO_NAMESPACE).is_some() {
        Command::new(&this)
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "--", "sh", "-c"]);
        // Where there is a loopback interface, packets to it would be counted.
        command.arg("ip link set lo up 2>/dev/null; exec \"$0\" \"$@\"").arg(&this);
        command
    };
    let status = command
        .args(["--exact", "suite::the_suite", "--ignored", "--nocapture"])
        .current_dir(folder.path().join("here"))
        .env("TMPDIR", folder.path().join("tmp"))
        .env("MMH_HOSTILE_CACHE", folder.path().join("cache"))
        .env(RESULTS, &results)
        .env("ANTHROPIC_API_KEY", SECRET)
        .status()
        .expect("the suite starts");
    assert!(
        status.success(),
        "the suite failed, or no network namespace can be had; {NO_NAMESPACE}=1 goes without"
    );
    let rows = std::fs::read(&results).expect("the suite left its results");
    let rows: Vec<table::Row> = serde_json::from_slice(&rows).expect("results are JSON");
    let rows = [rows, runtime.block_on(search::all()), runtime.block_on(agents::all())].concat();
    table::check(&rows);
}
