//! The workers that `mmh view --workers` shows, in a real browser: a real NATS server, two workers, and what becomes of them.

use std::{fs, process::Stdio, time::Duration};

use mmh_engine::build::Builder;
use mmh_record::limits::Limits;
use mmh_tests::{
    builder,
    fleet::{Nats, command, wait_for, worker},
    nats::{Running, free_port},
    node, runs,
    view::View,
};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A name that would be an element, if it were no text.
const HOSTILE: &str = "<img src=x onerror=\"window.pwned=1\">";

/// Somebody who says that it is a worker, of another version and in odd numbers.
async fn stranger(url: String) {
    let client = async_nats::connect(&url).await.expect("connected");
    let version = json!({ "program": "9.9.9 <b>\u{1b}[2J", "architecture": "riscv64", "protocol": 1 });
    let hello = json!({ "id": "s1", "name": "stranger\u{202e}", "version": version, "processors": usize::MAX,
        "under_way": usize::MAX, "waiting": 0, "done": u64::MAX, "calls_per_s": 1e308 });
    loop {
        let hello = serde_json::to_vec(&hello).expect("data");
        client.publish("mmh.worker.hello", hello.into()).await.expect("published");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_workers() {
    let _: Builder = builder(PROGRAM, Limits::default()).await;
    let mut nats = Nats::start(&[]);
    let (folder, url) = (tempfile::tempdir().expect("a folder"), nats.url());
    runs::copy(runs::honest(PROGRAM), &folder.path().join("runs/a"));
    let mut first = worker(PROGRAM, &url, "first", &[]);
    let _second = worker(PROGRAM, &url, HOSTILE, &[]);
    wait_for(PROGRAM, &url, 2);
    let mut view = Some(View::with(PROGRAM, folder.path(), &["runs", "--workers", &url]));
    let page = view.as_ref().expect("there").url.clone();
    let mut strange = None;
    let mut searches: Vec<Running> = Vec::new();
    let runtime = tokio::runtime::Handle::current();
    let act = |word: &str| match word {
        "search" => {
            let search =
                ["eval", "zero-shot", "--mock", "--eval-size", "200", "--no-cache", "--workers", &url];
            let mut search = command(PROGRAM, folder.path(), &search);
            let search = search.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            searches.push(Running::of(search.expect("the program starts")));
        }
        "stranger" => strange = Some(runtime.spawn(stranger(url.clone()))),
        "kill" => {
            first.kill();
            strange.take().inspect(tokio::task::JoinHandle::abort);
        }
        "stop" => nats.kill(),
        "start" => nats.start_again(),
        "end" => view = None,
        word => panic!("{word} is not known"),
    };
    tokio::task::block_in_place(|| node::asked("workers.mjs", &[&page, HOSTILE], act));
}

#[test]
fn a_fleet_that_cannot_be_reached_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("runs")).expect("a folder");
    let nowhere = format!("nats://me:secret@127.0.0.1:{}", free_port());
    // name, address, exit code, what is said
    let table = [
        ("nobody is there", nowhere.as_str(), 3, "cannot connect to the NATS server nats://127.0.0.1"),
        ("no address", "nats://127.0.0.1:x", 2, "no address of a NATS server"),
    ];
    for (name, url, code, said) in table {
        let output = command(PROGRAM, folder.path(), &["view", "runs", "--workers", url]).output();
        let output = output.expect("the program starts");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said) && !text.contains("secret"), "{name}: {text}");
        assert_eq!(output.status.code(), Some(code), "{name}: {text}");
    }
}
