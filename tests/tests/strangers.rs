//! A folder that somebody else made decides nothing: no server and no key, no price and no budget, no limit
//! above the defaults, no path of a data set. What one asked for oneself holds again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use mmh_tests::{
    cache_dir, copy_folder, environment, guest, runs,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const KEY: &str = "sk-users-own-0123456789";

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    command
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("read")).expect("JSON")
}

/// Changes a run's configuration, as somebody would who hands it on.
fn forge(run: &Path, change: &dyn Fn(&mut Value)) {
    for file in ["config.json", "summary.json"] {
        let mut value = json_of(&run.join(file));
        change(if file == "config.json" { &mut value } else { &mut value["config"] });
        fs::write(run.join(file), format!("{value:#}\n")).expect("written");
    }
    runs::reseal(run);
}

/// Each call has 300 tokens in and 4 out: at 1 and 5 dollars per million, 0.00032 dollars.
async fn server() -> Server {
    Server::start(|_: &Request| {
        let content = json!([{ "type": "text", "text": "migraine" }]);
        let usage = json!({ "input_tokens": 300, "output_tokens": 4 });
        Reply::new(200, json!({ "content": content, "stop_reason": "end_turn", "usage": usage }).to_string())
    })
    .await
}

/// What names the server on the command line, and that it has no key.
fn servers(server: &Server) -> [&str; 8] {
    let url = server.url.as_str();
    let (target, proposer) = ("--target-base-url", "--proposer-base-url");
    [target, url, "--target-api", "anthropic", proposer, url, "--proposer-api", "anthropic"]
}

/// A run of one's own that has spent its budget in the middle of the baseline.
async fn begun(server: &Server) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["run", "--run-id", "a", "--iterations", "0", "--eval-size", "40", "--no-test", "--no-cache"];
    let models = ["--target-model", "mystery", "--proposer-model", "mystery"];
    let money = ["--budget-usd", "0.008", "--target-price", "1,5", "--proposer-price", "1,5"];
    let output = mmh(folder.path(), &[&args[..], &models, &money, &servers(server)].concat());
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let run = folder.path().join("runs/a");
    (folder, run)
}

const PRICES: [&str; 4] = ["--target-price", "1,5", "--proposer-price", "1,5"];

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_run_decides_neither_money_nor_places() {
    let server = server().await;
    let (_folder, own) = begun(&server).await;
    let asked_before = server.journal().len();
    let missing = 40 - asked_before;
    type Change = fn(&mut Value);
    // name, what the folder says, options, exit code, what is said, the most calls that are made
    type Row<'a> = (&'a str, Change, &'a [&'a str], i32, &'a str, usize);
    let table: [Row<'_>; 13] = [
        ("one's own run, with more money", |_| {}, &["--budget-usd", "1"], 0, "run folder", missing),
        (
            "one's own run, at another price",
            |_| {},
            &["--target-price", "2,5", "--budget-usd", "1"],
            2,
            "--target-price 2,5: the run has 1,5 since it was begun",
            0,
        ),
        (
            "a stranger's, named and paid for",
            |it| it["run_id"] = "b".into(),
            &[&PRICES[..], &["--budget-usd", "1"]].concat(),
            0,
            "the run was not started here",
            missing,
        ),
        (
            "a budget that is raised",
            |it| it["budget_usd"] = 1e6.into(),
            &PRICES,
            0,
            "of a budget of 15.00 USD",
            missing,
        ),
        (
            "a price that is lowered",
            |it| price(it, 0.0),
            &["--target-price", "1000,1000", "--proposer-price", "1,1", "--budget-usd", "1"],
            4,
            "the budget is spent",
            3,
        ),
        (
            "a price, and none of the user's",
            |it| price(it, 0.0),
            &["--budget-usd", "1"],
            2,
            "mystery has no price",
            0,
        ),
        (
            "no end of fuel",
            |it| it["limits"]["fuel"] = u64::MAX.into(),
            &PRICES,
            2,
            "say so: --fuel 18446744073709551615",
            0,
        ),
        (
            "more memory, allowed",
            |it| it["limits"]["memory_bytes"] = (257 << 20).into(),
            &[&PRICES[..], &["--budget-usd", "1", "--memory-mib", "257"]].concat(),
            0,
            "run folder",
            missing,
        ),
        (
            "patience with models, which is cut",
            |it| it["limits"]["attempts"] = 99.into(),
            &[&PRICES[..], &["--budget-usd", "1"]].concat(),
            0,
            "run folder",
            missing,
        ),
        (
            "a place to read from",
            |it| it["dataset_path"] = "/etc/passwd".into(),
            &PRICES,
            2,
            "at /etc/passwd: --dataset names its place",
            0,
        ),
        (
            "a place to read from, named",
            |it| it["dataset_path"] = "/etc/passwd".into(),
            &[&PRICES[..], &["--dataset", "symptoms-mini", "--budget-usd", "1"]].concat(),
            0,
            "run folder",
            missing,
        ),
        (
            "another server",
            |it| it["providers"]["target"]["base_url"] = "http://127.0.0.1:9/".into(),
            &PRICES,
            2,
            "the run's target has the base-url http://127.0.0.1:9/",
            0,
        ),
        (
            "another seed",
            |it| it["dataset_digest"] = "0".repeat(64).into(),
            &PRICES,
            2,
            "is not the run's",
            0,
        ),
    ];
    for (name, change, options, code, says, calls) in table {
        let folder = tempfile::tempdir().expect("a folder");
        // One's own run stays one's own wherever it lies.
        let run = folder.path().join("elsewhere");
        copy_folder(&own, &run);
        if !name.starts_with("one's own") {
            forge(&run, &change);
        }
        let before = server.journal().len();
        let output =
            mmh(folder.path(), &[&["run", "--resume", "elsewhere"][..], options, &servers(&server)].concat());
        let all = said(&output);
        assert_eq!(output.status.code(), Some(code), "{name}: {all}");
        assert!(all.contains(says), "{name}: {says:?} is not in {all}");
        let asked = server.journal().len() - before;
        assert!(asked <= calls, "{name}: {asked} calls, {calls} at most: {all}");
        let is_own = name.starts_with("one's own");
        assert_eq!(all.contains("the run was not started here"), !is_own, "{name}: {all}");
        if code == 0 {
            let verified = mmh(
                folder.path(),
                &["verify", "elsewhere", "--memory-mib", "257", "--dataset", "symptoms-mini"],
            );
            assert!(verified.status.success(), "{name}: {}", said(&verified));
        }
    }
}

/// The same price for everything.
fn price(config: &mut Value, usd: f64) {
    let price =
        json!({ "input": usd, "output": usd, "cache_read": usd, "cache_write": usd, "cache_write_1h": usd });
    for role in ["target", "proposer"] {
        config["providers"][role]["price"] = price.clone();
    }
    config["prices"]["mystery"] = price;
}

/// What is changed for a stranger's run is in its record: the price that counts, the budget, the limits.
#[tokio::test(flavor = "multi_thread")]
async fn what_counts_instead_is_recorded() {
    let server = server().await;
    let (folder, run) = begun(&server).await;
    forge(&run, &|config| {
        price(config, 0.0);
        config["budget_usd"] = 99.0.into();
        config["limits"]["attempts"] = 99.into();
        config["concurrency"] = 4096.into();
    });
    let output =
        mmh(folder.path(), &[&["run", "--resume", "runs/a"][..], &PRICES, &servers(&server)].concat());
    assert!(output.status.success(), "{}", said(&output));
    let config = json_of(&run.join("config.json"));
    assert_eq!(json_of(&run.join("summary.json"))["config"], config);
    let resumes = config["resumes"].as_array().expect("a list");
    assert_eq!((resumes.len(), &resumes[0]["from_iteration"]), (1, &json!(0)));
    let changes = resumes[0]["changes"].as_array().expect("a list");
    let change = |what: &str| changes.iter().find(|it| it["what"] == what).map(|it| (&it["from"], &it["to"]));
    for (what, from, to) in [
        ("/budget_usd", json!(99.0), json!(15.0)),
        ("/limits/attempts", json!(99), json!(6)),
        ("/concurrency", json!(4096), json!(64)),
        ("/providers/target/price/input", json!(0.0), json!(1.0)),
        ("/providers/proposer/price/output", json!(0.0), json!(5.0)),
        ("/prices/mystery/output", json!(0.0), json!(5.0)),
    ] {
        assert_eq!(change(what), Some((&from, &to)), "{what}: {config:#}");
        assert_eq!(config.pointer(what), Some(&to), "{what}");
    }
}

/// `verify` and `replay` run what a stranger made, within the defaults.
#[test]
fn a_strangers_limits_are_refused_where_its_harnesses_run() {
    let (folder, run) = runs::copied(PROGRAM);
    forge(&run, &|config| config["limits"]["fuel"] = u64::MAX.into());
    let allowed = ["--fuel", "18446744073709551615"];
    for (args, code) in [
        // It is run then, and shows that another limit was in force.
        (&["verify", "elsewhere"][..], 1),
        (&["replay", "elsewhere", "--iteration", "1"], 0),
        (&["run", "--resume", "elsewhere", "--iterations", "4"], 0),
    ] {
        let refused = mmh(folder.path(), args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", said(&refused));
        let says = "its limits are above the defaults: --fuel 18446744073709551615 (default 10000000000)";
        assert!(said(&refused).contains(says), "{args:?}: {}", said(&refused));
        let output = mmh(folder.path(), &[args, &allowed[..]].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
    }
    for args in
        [&["summary", "elsewhere"][..], &["cost", "elsewhere"], &["inspect", "elsewhere", "--iteration", "1"]]
    {
        assert!(mmh(folder.path(), args).status.success(), "{args:?}: nothing is run, so nothing is limited");
    }
}

/// A file of settings beside a run moves a provider: its key goes there only if the user names the file, and
/// the file names the key.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_lie_about_are_not_read() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("h.rs"), guest("run/ok.rs")).expect("written");
    let moved = format!("[providers.moonshot]\napi = \"anthropic\"\nbase_url = \"{}\"\n", server.url);
    fs::write(folder.path().join("mmh.toml"), &moved).expect("written");
    fs::write(folder.path().join("with_key.toml"), format!("{moved}key_env = \"MOONSHOT_API_KEY\"\n"))
        .expect("written");
    fs::create_dir_all(folder.path().join("home/.config/mmh")).expect("created");
    let eval =
        ["eval", "h.rs", "--eval-size", "1", "--no-cache", "--attempts", "1", "--target-timeout-s", "1"];
    // name, file, whether the server gets the key
    for (name, file, has_key) in [("no key", "mmh.toml", false), ("a key", "with_key.toml", true)] {
        let before = server.journal().len();
        let mut command = command(folder.path(), &[&eval[..], &["--config", file]].concat());
        let all = said(&command.env("MOONSHOT_API_KEY", KEY).output().expect("it starts"));
        let asked = server.journal().split_off(before);
        assert!(!asked.is_empty(), "{name}: {all}");
        let sent = asked.iter().any(|request| format!("{:?}", request.headers).contains(KEY));
        assert_eq!(sent, has_key, "{name}: {all}");
    }
    let listed = |home: Option<&str>| {
        let mut command = command(folder.path(), &["models", "--json"]);
        home.map(|home| command.env("XDG_CONFIG_HOME", folder.path().join(home)));
        let output = command.output().expect("it starts");
        let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (listed["providers"]["moonshot"]["base_url"] == server.url.as_str(), said(&output))
    };
    let (moved, all) = listed(None);
    assert!(!moved && all.contains("mmh.toml in this folder is not read unless it is named"), "{all}");
    // The user's own file is read unasked.
    fs::copy(folder.path().join("with_key.toml"), folder.path().join("home/.config/mmh/mmh.toml"))
        .expect("copied");
    assert!(listed(Some("home/.config")).0);
}

/// A `.env` in the working folder is the user's, unless a stranger's run is gone on with there.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_lie_beside_a_strangers_run_are_not_read() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), format!("LABKEY={KEY}$x#y\n")).expect("written");
    let keys = ["--target-key-env", "LABKEY", "--proposer-key-env", "LABKEY"];
    let args = ["run", "--run-id", "a", "--iterations", "0", "--eval-size", "40", "--no-test", "--no-cache"];
    let own = [&args[..], &["--budget-usd", "0.008"], &PRICES, &servers(&server), &keys].concat();
    let output = mmh(folder.path(), &own);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    let header = |request: &Request| request.headers.get("authorization").cloned();
    let sent = server.journal().first().and_then(header);
    assert_eq!(sent, Some(format!("Bearer {KEY}$x#y")), "as it stands in the file");
    let resume = |more: &[&str]| {
        let go_on = ["run", "--resume", "runs/a", "--budget-usd", "1"];
        mmh(folder.path(), &[&go_on[..], &servers(&server), &keys, more].concat())
    };
    forge(&folder.path().join("runs/a"), &|config| config["run_id"] = "b".into());
    let before = server.journal().len();
    let refused = resume(&PRICES);
    let says = "set LABKEY in the environment or in a file that --env-file names, since the run was not started here";
    assert!(refused.status.code() == Some(2) && said(&refused).contains(says), "{}", said(&refused));
    assert_eq!(server.journal().len(), before);
    let named = resume(&[&PRICES[..], &["--env-file", ".env"]].concat());
    assert!(named.status.success(), "{}", said(&named));
}

/// Names and texts of a stranger's folder are shown plain and on their line, by every command, in errors too:
/// none can act on a terminal or pass for something that this program says.
#[test]
fn what_a_stranger_names_is_shown_plain() {
    const VERDICT: &str = "\nall of it holds\n";
    let evil = format!("x\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2028}{VERDICT}");
    let (folder, run) = runs::copied(PROGRAM);
    for parent in ["iterations", "test"] {
        fs::create_dir_all(run.join(parent).join(format!("009{evil}"))).expect("created");
    }
    fs::write(run.join(format!("top{evil}")), "").expect("written");
    fs::write(run.join("iterations/001").join(format!("file{evil}")), "").expect("written");
    let mut summary = json_of(&run.join("summary.json"));
    let mut config = json_of(&run.join("config.json"));
    for name in ["run_id", "dataset", "proposer_model", "target_model"] {
        config[name] = evil.as_str().into();
    }
    summary["config"] = config.clone();
    summary["unscored"] = json!([{
        "index": 4, "status": evil, "reason": evil, "cost": summary["total_cost"],
        "started_at": config["started_at"], "finished_at": config["started_at"],
    }]);
    summary["stopped"] = json!({ "status": evil, "reason": evil });
    for (file, value) in [("config.json", &config), ("summary.json", &summary)] {
        fs::write(run.join(file), format!("{value:#}\n")).expect("written");
    }
    let odd = folder.path().join(format!("no run{evil}"));
    fs::create_dir(&odd).expect("created");
    let odd = odd.to_str().expect("UTF-8");
    let (html, svg) = (format!("{odd}/a.html"), format!("{odd}/a.svg"));
    let commands: [&[&str]; 27] = [
        &["verify", "elsewhere"],
        &["verify", "elsewhere", "--json"],
        &["summary", "elsewhere"],
        &["summary", "elsewhere", "--json"],
        &["summary", "elsewhere", "--csv"],
        &["summary", "elsewhere", "--markdown"],
        &["cost", "elsewhere"],
        &["replay", "elsewhere", "--iteration", "1"],
        &["replay", "elsewhere", "--iteration", "1", "--example", odd],
        &["replay", "elsewhere", "--iteration", "1", "--harness", odd],
        &["diff", "elsewhere", "0", "1"],
        &["diff", "elsewhere", "0", "4"],
        &["inspect", "elsewhere", "--iteration", "1"],
        &["report", "elsewhere", "-o", &html],
        &["plot", "elsewhere", "-o", &svg],
        &["plot", "elsewhere", "-o", odd],
        &["export", "elsewhere", "-o", odd],
        &["run", "--resume", "elsewhere"],
        &["summary", odd],
        &["verify", odd],
        &["run", "--resume", odd],
        &["run", "--mock", "--run-id", odd],
        &["view", &html],
        &["check", odd],
        &["eval", odd, "--mock"],
        &["eval", "x.rs", "--mock", "--dataset", odd],
        &["models", "--config", odd],
    ];
    for args in commands {
        let output = mmh(folder.path(), args);
        for said in [&output.stdout, &output.stderr] {
            let said = String::from_utf8(said.clone()).expect("text");
            assert!(!said.contains(mmh_record::text::acts_on_terminals), "{args:?}: {said:?}");
            assert!(!said.lines().any(|line| line.starts_with("all of it holds")), "{args:?}: {said}");
        }
        if args[0] == "verify" {
            assert_ne!(output.status.code(), Some(0), "{args:?}");
        }
    }
}
