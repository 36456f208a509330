//! What an author waits for: a check, a save that `mmh dev` sees, and harnesses in Python and JavaScript: `cargo bench -p mmh
//! --bench author`.
//!
//! Whole processes, medians. Python's compiler is installed into a cache of its own, and the JavaScript harness is built with npm
//! before anything is measured.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at what cannot be measured, and prints the rest"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

mod shared;

use mmh_engine::memory::MemoryBudget;
use mmh_search::dataset::task::BASELINE;
use shared::{
    waits::{self, median, new_source, print},
    workshop::{PROGRAM, Workshop, cache_dir},
};
use tokio::runtime::Runtime;

/// How often a figure is measured.
const TIMES: usize = 15;

/// Examples of an evaluation of a harness in another language, and how often it is measured.
const EXAMPLES: u32 = 100;
const EVALUATIONS: usize = 5;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let bench = runtime.block_on(Workshop::new(folder.path(), MemoryBudget::unlimited()));
    waits::head();
    checks(&bench);
    saves(&bench);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    said(&mut mmh(&bench.folder, &["toolchain", "add", "python"]));
    language(&bench.folder, "Python", &examples.join("python/harness.py"));
    let javascript = examples.join("javascript");
    said(Command::new("npm").args(["run", "build"]).current_dir(&javascript));
    language(&bench.folder, "JavaScript", &javascript.join("harness.wasm"));
}

/// The program with its cache in this folder, where it also works.
fn mmh(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--cache-dir").arg(cache_dir(folder)).current_dir(folder);
    command
}

/// Runs a command to its end, which has to be a good one, and says how long it took.
fn said(command: &mut Command) -> Duration {
    let started = Instant::now();
    let output = command.output().expect("the program starts");
    let took = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    took
}

/// `mmh check` of a file that has changed, and of one that has not.
fn checks(bench: &Workshop) {
    let file = bench.folder.join("checked.rs");
    let (mut bare, mut new, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        bare.push(bench.bare_rustc(&new_source(BASELINE)));
        fs::write(&file, new_source(BASELINE)).expect("a file");
        new.push(said(&mut mmh(&bench.folder, &["check", "checked.rs"])));
        known.push(said(&mut mmh(&bench.folder, &["check", "checked.rs"])));
    }
    let bare = median(bare);
    print("mmh check, unchanged", median(known), None, Some(Duration::from_millis(25)));
    let limit = bare.mul_f64(1.1) + Duration::from_millis(30);
    print("mmh check, changed", median(new), Some(("bare rustc", bare)), Some(limit));
}

/// `mmh dev` while a harness is saved again and again.
fn saves(bench: &Workshop) {
    let file = bench.folder.join("watched.rs");
    fs::write(&file, new_source(BASELINE)).expect("a file");
    let mut command = mmh(&bench.folder, &["dev", "watched.rs", "--mock"]);
    let mut dev = Watched::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    dev.result();
    let mut seen = Vec::new();
    for _ in 0..TIMES {
        // An author thinks between two saves; here, until the program watches again.
        std::thread::sleep(Duration::from_millis(200));
        fs::write(&file, new_source(BASELINE)).expect("a file");
        let saved = Instant::now();
        dev.result();
        seen.push(saved.elapsed());
    }
    print("mmh dev, from a save to its result, 8 examples", median(seen), None, Some(Duration::from_secs(1)));
}

/// A `mmh dev` that goes on, and what it prints.
struct Watched {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// Waits for the line with the score.
    fn result(&mut self) {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("val: accuracy ")), "`mmh dev` has ended");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.child.kill().expect("it is stopped");
        self.child.wait().expect("it has ended");
    }
}

/// A harness in another language with an instant model: one example at a time, and all as they come.
fn language(folder: &Path, name: &str, harness: &PathBuf) {
    let eval = |size: u32, concurrency: &str| {
        let size = size.to_string();
        let arguments = ["eval", "--mock", "--eval-size", &size, "--concurrency", concurrency];
        let mut command = mmh(folder, &arguments);
        said(command.arg(harness))
    };
    // Compiled to native code, once.
    eval(1, "1");
    let (mut one, mut each, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..EVALUATIONS {
        one.push(eval(1, "1"));
        each.push(eval(1 + EXAMPLES, "1"));
        all.push(eval(EXAMPLES, "64"));
    }
    let call = median(each).saturating_sub(median(one)) / EXAMPLES;
    print(&format!("{name}: a call, from its start to its end"), call, None, Some(Duration::from_millis(10)));
    print(&format!("{name}: mmh eval, {EXAMPLES} examples"), median(all), None, Some(Duration::from_secs(3)));
}
