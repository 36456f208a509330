//! Searches that are killed again and again (SIGKILL: in the middle of compiling, evaluating, proposing and
//! writing), and go on after each kill. No example is lost, no call that was answered is made again, and
//! the end is what it would have been.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mmh_search::dataset::{self, BUILTIN};
use mmh_tests::{
    cache_dir, copy_folder, environment,
    runs::asking,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Kills of each of the two tests.
const KILLS: u32 = 100;

/// Candidates that are proposed and evaluated at the same time.
const CANDIDATES: &str = "2";

/// Keeps all clocks still, so that files can be compared byte by byte.
const CLOCK: [&str; 2] = ["--fixed-clock", "2026-01-01T00:00:00Z"];

/// A search that is killed: its arguments, and where it lives.
struct Victim {
    folder: tempfile::TempDir,
    args: Vec<String>,
    random: fastrand::Rng,
    /// Kills by what they hit.
    hit: BTreeMap<&'static str, u32>,
    /// Between these moments the last kill happened.
    killed: (Instant, Instant),
}

/// What a kill waits for, after a random while.
#[derive(Clone, Copy)]
enum Moment {
    Any,
    /// A compiler is at work.
    Compiling,
    /// A file is being written.
    Writing,
    /// An evaluation has come further.
    Evaluating,
    /// The proposer has come further.
    Proposing,
}

const MOMENTS: [Moment; 5] =
    [Moment::Any, Moment::Compiling, Moment::Writing, Moment::Evaluating, Moment::Proposing];

impl Victim {
    /// In a folder with a cache of its own, which holds nothing but the SDK.
    async fn new(args: &[&str], seed: u64) -> Self {
        mmh_tests::builder(PROGRAM, Default::default()).await;
        let folder = tempfile::tempdir().expect("a folder");
        copy_folder(&cache_dir().join("sdk"), &folder.path().join("cache/sdk"));
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let (random, now) = (fastrand::Rng::with_seed(seed), Instant::now());
        Self { folder, args, random, hit: BTreeMap::new(), killed: (now, now) }
    }

    fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join("a")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("cache/scratch")
    }

    /// Starts the search below a folder, or goes on with what is there.
    fn start(&self, name: &str) -> Child {
        let mut command = Command::new(PROGRAM);
        match self.run(name).exists() {
            true => command.args(["run", "--resume"]).arg(self.run(name)),
            false => command.args(["run", "--run-id", "a", "--runs-dir", name]).args(&self.args),
        };
        if self.run(name).exists() {
            // Where keys and servers are is not for a run folder to say.
            let servers = self.args.iter().position(|arg| arg.ends_with("-model")).unwrap_or(self.args.len());
            command.args(&self.args[servers..]);
        }
        command
            .args(CLOCK)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(environment())
            .env("MMH_CACHE_DIR", self.folder.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.folder.path().join("said")).expect("a file"))
            .spawn()
            .expect("the program starts")
    }

    fn finish(&self, name: &str) {
        let status = self.start(name).wait().expect("it ends");
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        assert!(status.success(), "{status}: {said}");
    }

    /// Starts a search and kills it, and goes on and kills it again, until it ends. After the last kill
    /// that is left it is let be.
    fn survive(&mut self, name: &str, kills: &mut u32, mut after: impl FnMut(&Self, u32)) {
        loop {
            let mut child = self.start(name);
            if *kills >= KILLS {
                assert!(child.wait().expect("it ends").success());
                return;
            }
            if !self.kill(name, &mut child, MOMENTS[*kills as usize % MOMENTS.len()]) {
                return;
            }
            *kills += 1;
            after(self, *kills);
        }
    }

    /// Kills the search once, at a moment of this kind. False where it had ended before.
    fn kill(&mut self, name: &str, child: &mut Child, moment: Moment) -> bool {
        let run = self.run(name);
        std::thread::sleep(Duration::from_millis(self.random.u64(0..700)));
        let (begun, before) = (Instant::now(), sizes(&run));
        let patience = Duration::from_millis(self.random.u64(100..1500));
        while begun.elapsed() < patience {
            if child.try_wait().expect("its state").is_some() {
                break;
            }
            let now = match moment {
                Moment::Any => false,
                Moment::Compiling => has_entries(&self.scratch()),
                Moment::Writing => partial(&run),
                Moment::Evaluating => sizes(&run).0 > before.0,
                Moment::Proposing => sizes(&run).1 > before.1,
            };
            if now {
                break;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        if let Some(status) = child.try_wait().expect("its state") {
            let said = fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
            assert!(status.success(), "{status}: {said}");
            return false;
        }
        let begun = Instant::now();
        child.kill().and_then(|()| child.wait()).expect("it is killed");
        // A request that had left may still be on its way to the server.
        std::thread::sleep(Duration::from_millis(50));
        self.killed = (begun, Instant::now());
        let compiling = has_entries(&self.scratch());
        let _ = fs::remove_dir_all(self.scratch());
        *self.hit.entry(what_was_hit(&run, compiling)).or_default() += 1;
        true
    }
}

/// Bytes of the newest outcomes and of the newest transcript.
fn sizes(run: &Path) -> (u64, u64) {
    let newest = |file: &str| {
        let all = folders(run).into_iter().map(|folder| folder.join(file));
        all.filter_map(|path| fs::metadata(path).ok()).map(|it| it.len()).sum()
    };
    (newest("model_calls.jsonl"), newest("proposer.jsonl"))
}

fn folders(run: &Path) -> Vec<PathBuf> {
    let parents = ["iterations", "test"].map(|parent| run.join(parent));
    let entries = parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten();
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether a file is being written, or was when the writer was killed.
fn partial(run: &Path) -> bool {
    let all = folders(run).into_iter().chain([run.to_owned(), run.parent().unwrap_or(run).to_owned()]);
    let entries = all.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".partial"))
}

fn what_was_hit(run: &Path, compiling: bool) -> &'static str {
    let newest = folders(run).pop();
    let text = |file: &str| newest.as_ref().and_then(|it| fs::read_to_string(it.join(file)).ok());
    match newest {
        _ if compiling => "compiling",
        _ if partial(run) => "writing a file",
        None => "starting",
        Some(_) if text("proposer.jsonl").is_some_and(|it| !it.contains("\"type\":\"end\"")) => "proposing",
        Some(_) if text("eval_trace.jsonl").is_some() => "evaluating",
        Some(_) => "between",
    }
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in mmh_tests::files_below(folder) {
        let name = path.strip_prefix(folder).expect("below").display().to_string();
        if wanted(&name) {
            found.insert(name, fs::read(&path).expect("a file"));
        }
    }
    found
}

fn assert_same(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(expected), names(found));
    let differ: Vec<&String> = expected.keys().filter(|name| expected[*name] != found[*name]).collect();
    assert!(differ.is_empty(), "{differ:?} are not what they are in a run that nobody killed");
}

fn assert_verified(victim: &Victim, run: &Path) {
    let output = Command::new(PROGRAM)
        .arg("verify")
        .arg(run)
        .env("MMH_CACHE_DIR", victim.folder.path().join("cache"))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("all of it holds"), "{said}");
}

/// `summary`, `cost` and `verify` work on a run that was just killed, and call nothing of it tampering.
fn assert_readable(victim: &Victim, run: &Path) {
    for command in ["summary", "cost", "verify"] {
        let output = Command::new(PROGRAM)
            .arg(command)
            .arg(run)
            .env("MMH_CACHE_DIR", victim.folder.path().join("cache"))
            .output()
            .expect("the program starts");
        let [out, said] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
        assert!(output.status.success(), "{command}: {out}{said}");
    }
}

/// With simulated models: every file is, byte for byte, what it is in a run that nobody killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_search_ends_as_if_nobody_had_killed_it() {
    let args = ["--mock", "--iterations", "2", "--candidates", CANDIDATES, "--eval-size", "30"];
    let mut victim = Victim::new(&args, 1).await;
    victim.finish("whole");
    let expected = contents(&victim.run("whole"), |_| true);
    let (mut kills, mut searches) = (0, 0);
    while kills < KILLS {
        searches += 1;
        let name = format!("killed-{searches}");
        // Compilation is a part of what is killed.
        for kind in ["components", "native", "refusals"] {
            let _ = fs::remove_dir_all(victim.folder.path().join("cache").join(kind));
        }
        victim.survive(&name, &mut kills, |victim, kills| {
            if kills % 20 == 0 && victim.run(&name).exists() {
                assert_readable(victim, &victim.run(&name));
            }
        });
        assert_same(&expected, &contents(&victim.run(&name), |_| true));
        assert_verified(&victim, &victim.run(&name));
    }
    println!("{kills} kills over {searches} searches: {:?}", victim.hit);
    let hit: BTreeSet<&str> = victim.hit.keys().copied().collect();
    let wanted = BTreeSet::from(["compiling", "writing a file", "proposing", "evaluating"]);
    assert!(wanted.is_subset(&hit), "kills hit {hit:?} only");
}

/// A call that was made: what it is about, and when.
#[derive(Clone, Debug)]
struct Asked {
    key: String,
    at: Instant,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// 300 tokens in and 4 out, at 1 and 5 dollars per million.
const USAGE: &str = r#""usage":{"input_tokens":300,"output_tokens":4}"#;
const BILL_USD: f64 = 0.000_32;

/// Calls to the target that are made at once: no kill can lose more of them, and one of each proposer.
const AT_ONCE: usize = 8;

fn reply(content: &Value) -> String {
    format!(r#"{{"content":{content},"stop_reason":"end_turn",{USAGE}}}"#)
}

/// The proposer's turn: looks, tries two examples, submits.
fn propose(iteration: u32, turn: usize, ids: &[String]) -> Value {
    let call = |name: &str, input: Value| json!([{ "type": "tool_use", "id": format!("t{turn}"), "name": name, "input": input }]);
    let version = format!("v{iteration}");
    match turn {
        0 => call("scoreboard", json!({})),
        1 => call("read_eval_trace", json!({ "iteration": 0, "limit": 2 })),
        2 => call("try_harness", json!({ "code": asking(&format!("{version}-trial")), "example_ids": ids })),
        _ => call("write_harness", json!({ "code": asking(&version), "reasoning": "# Twice" })),
    }
}

/// What a request is about, by its body: unique in a run.
fn key_of(body: &Value) -> (String, Option<(u32, usize)>) {
    let messages = body["messages"].as_array().expect("messages");
    if body["model"] != "proposer" {
        return (text_of(&messages[messages.len() - 1]["content"]), None);
    }
    let opening = text_of(&messages[0]["content"]);
    let number = opening.split("iteration ").nth(1).and_then(|rest| rest.split('.').next());
    let iteration: u32 = number.and_then(|number| number.parse().ok()).expect("the iteration's number");
    let turn = messages.iter().filter(|message| message["role"] == "assistant").count();
    (format!("proposer {iteration} {}", turn + 1), Some((iteration, turn)))
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        _ => content[0]["text"].as_str().unwrap_or_default().to_owned(),
    }
}

async fn server(log: Log, ids: Vec<String>) -> Server {
    Server::start(move |request: &Request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let (key, proposal) = key_of(&body);
        let (after, content) = match proposal {
            Some((iteration, turn)) => (60, propose(iteration, turn, &ids)),
            None => (15, json!([{ "type": "text", "text": "migraine" }])),
        };
        log.lock().expect("no panic").push(Asked { key, at: Instant::now() });
        Reply::new(200, reply(&content)).after(Duration::from_millis(after))
    })
    .await
}

/// The calls on record in a run folder.
fn recorded(run: &Path) -> Vec<String> {
    let mut keys = Vec::new();
    for folder in folders(run) {
        let rows = |file: &str| -> Vec<Value> {
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            whole.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
        };
        for row in rows("model_calls.jsonl").into_iter().chain(rows("trial_calls.jsonl")) {
            let messages = row["request"]["messages"].as_array().expect("messages").clone();
            keys.push(text_of(&messages[messages.len() - 1]["content"]));
        }
        let iteration: u32 =
            folder.file_name().and_then(|it| it.to_str()?.parse().ok()).expect("an iteration's number");
        let replies = rows("proposer.jsonl").into_iter().filter(|row| row["type"] == "reply");
        keys.extend(replies.map(|row| format!("proposer {iteration} {}", row["step"])));
    }
    keys
}

/// With a server that bills: what was answered and is on record is not asked again, and all that was billed
/// is accounted for.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_search_pays_for_nothing_twice() {
    let log = Log::default();
    let val = dataset::load(BUILTIN, 0).expect("it loads").val;
    let ids = dataset::sample(&val, 12, 0).into_iter().take(2).map(|example| example.id.clone()).collect();
    let server = server(log.clone(), ids).await;
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = folder.path().join("baseline.rs");
    fs::write(&baseline, asking("v0")).expect("a file");
    let at_once = AT_ONCE.to_string();
    let mut args = vec!["--iterations", "1", "--candidates", CANDIDATES, "--eval-size", "12"];
    args.extend(["--concurrency", &at_once, "--no-cache"]);
    args.extend(["--budget-usd", "5", "--no-test", "--baseline", baseline.to_str().expect("UTF-8")]);
    args.extend(["--target-model", "target", "--target-base-url", &server.url, "--target-api", "anthropic"]);
    args.extend(["--proposer-model", "proposer", "--proposer-base-url", &server.url]);
    args.extend(["--proposer-api", "anthropic"]);
    // Prices are on record, so a run that goes on does not need them.
    let mut new = args.clone();
    new.splice(0..0, ["--target-price", "1,5", "--proposer-price", "1,5"]);
    let mut victim = Victim::new(&new, 2).await;
    victim.finish("whole");
    // Not what the proposer has read: a summary with what may be owed in it has another size.
    let alike = |name: &str| {
        ["trace.jsonl", "calls.jsonl", "proposer.jsonl", "score.json", ".bin", ".wasm", ".rs"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let expected = contents(&victim.run("whole"), alike);
    let asked_once = std::mem::take(&mut *log.lock().expect("no panic")).len();
    let (mut kills, mut searches, mut asked_in_all, mut in_flight) = (0, 0, 0, 0);
    while kills < KILLS {
        searches += 1;
        let name = format!("killed-{searches}");
        let mut killed: Vec<(Instant, Instant)> = Vec::new();
        // By what is on record: since when.
        let mut known: HashMap<String, Instant> = HashMap::new();
        victim.survive(&name, &mut kills, |victim, _| {
            killed.push(victim.killed);
            for key in recorded(&victim.run(&name)) {
                known.entry(key).or_insert_with(Instant::now);
            }
        });
        let run = victim.run(&name);
        let asked = std::mem::take(&mut *log.lock().expect("no panic"));
        let repeated: Vec<&Asked> =
            asked.iter().filter(|it| known.get(&it.key).is_some_and(|since| it.at > *since)).collect();
        assert!(repeated.is_empty(), "asked again though they are on record: {repeated:?}");
        let wasted = wasted(&asked);
        for (call, again) in &wasted {
            let hit = killed.iter().any(|(begun, over)| call.at <= *over && *begun <= again.at);
            assert!(hit, "{call:?} was made again though nobody was killed in between");
        }
        for (begun, over) in &killed {
            let lost = wasted.iter().filter(|(call, again)| call.at <= *over && *begun <= again.at);
            let lost = lost.count();
            let most = AT_ONCE + 2;
            assert!(lost <= most, "{lost} calls were lost by one kill, of {most} that are made at once");
        }
        (asked_in_all, in_flight) = (asked_in_all + asked.len(), in_flight + wasted.len());
        assert_same(&expected, &contents(&run, alike));
        assert_accounted(&run, asked.len(), asked_once);
        assert_verified(&victim, &run);
    }
    println!(
        "{kills} kills over {searches} searches of {asked_once} calls: {asked_in_all} asked, 0 repeated, {in_flight} under way at a kill; {:?}",
        victim.hit
    );
}

/// Calls that were made again, each with the next one.
fn wasted(asked: &[Asked]) -> Vec<(Asked, Asked)> {
    let next = |at: usize| asked[at + 1..].iter().find(|call| call.key == asked[at].key);
    (0..asked.len()).filter_map(|at| Some((asked[at].clone(), next(at)?.clone()))).collect()
}

/// What the server billed is in the books: what is on record as cost, the rest as what may be owed.
fn assert_accounted(run: &Path, asked: usize, asked_once: usize) {
    let cost: Value = serde_json::from_slice(&fs::read(run.join("cost.json")).expect("read")).expect("JSON");
    let (known, unknown) =
        (cost["estimated_usd"].as_f64().expect("a number"), cost["unknown_usd"].as_f64().expect("a number"));
    assert!((known - BILL_USD * asked_once as f64).abs() < 1e-9, "{known} for {asked_once} calls");
    let billed = BILL_USD * asked as f64;
    assert!(billed <= known + unknown + 1e-9, "{billed} billed, {known} known, {unknown} may be owed");
}
