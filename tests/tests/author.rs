//! The day of an author: a new project, its own tests, a check, prompts and replies, a watch, a profile.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use mmh_tests::{cache_dir, root};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Longer than anything here takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir());
    // Projects of all tests share what cargo builds of the SDK.
    command.env("CARGO_TARGET_DIR", root().join("target/projects")).env("CARGO_NET_OFFLINE", "true");
    for name in ["MMH_RUSTC", "MMH_LOG"] {
        command.env_remove(name);
    }
    command
}

fn mmh(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program starts")
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command prints that ends with this code.
#[track_caller]
fn ends(folder: &Path, args: &[&str], code: i32) -> String {
    let output = mmh(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", both(&output));
    both(&output)
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = mmh(folder, args);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", both(&output)))
}

const EVAL: &[&str] = &["eval", "first", "--mock", "--eval-size", "20"];
const PROFILE: &[&str] = &["profile", "mine.rs", "--mock", "--example", "val-0003"];

/// Some words and more of them.
fn with<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [words, more].concat()
}

#[track_caller]
fn has(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

/// A folder with a new project, `first`.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    has(&ends(folder.path(), &["new", "first"], 0), &["mmh eval first --mock", "mmh dev first --mock"]);
    folder
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("read");
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn a_new_project_is_tested_checked_and_scored() {
    let folder = project();
    let here = folder.path();
    let tested = Command::new("cargo")
        .args(["test", "--offline", "--quiet"])
        .current_dir(here.join("first"))
        .env("CARGO_TARGET_DIR", root().join("target/projects"))
        .output()
        .expect("cargo starts");
    has(&both(&tested), &["test result: ok. 2 passed"]);
    assert!(tested.status.success(), "{}", both(&tested));

    has(&ends(here, &["check", "first"], 0), &["ok: component of"]);
    let of_file = json(here, &["check", "first/src/lib.rs", "--json"]);
    let of_project = json(here, &["check", "first", "--json"]);
    assert_eq!(of_file["component_digest"], of_project["component_digest"], "one file goes through the jail");
    assert!(of_project.get("built").is_none(), "{of_project}");

    has(&ends(here, &["new", "first"], 2), &["first is there already"]);
    has(&ends(here, &["new", "Second"], 2), &["a name begins with a small letter"]);
    has(&ends(here, &["new", "second", "--lang", "cobol"], 2), &["cobol", "rust"]);
    has(&ends(here, &["check", "."], 2), &["it is a folder, and no project", "`mmh new NAME`"]);
    let args = ["run", "--mock", "--baseline", "first", "--iterations", "0", "--eval-size", "5", "--no-test"];
    ends(here, &[&args[..], &["--run-id", "a"]].concat(), 0);
    has(&ends(here, &["replay", "runs/a", "--iteration", "0", "--harness", "first"], 0), &["5 unchanged"]);
    ends(here, &["verify", "runs/a"], 0);
}

#[test]
fn a_project_of_several_files_is_built_by_cargo() {
    let folder = project();
    let here = folder.path();
    let source = here.join("first/src/lib.rs");
    edit(&source, "use mmh_sdk::prelude::*;", "use mmh_sdk::prelude::*;\nmod more;");
    edit(&source, "fn prompt(", "const _: &str = more::WORDS;\nfn prompt(");
    fs::write(here.join("first/src/more.rs"), "pub const WORDS: &str = \"more\";\n").expect("written");

    let one = ends(here, &["check", "first/src/lib.rs"], 1);
    has(
        &one,
        &["--> first/src/lib.rs:4:1", "hint: the jail compiles one file", "file not found for module `more`"],
    );
    assert_eq!(one.matches("error[E0583]: file not found").count(), 1, "rustc is quoted once: {one}");

    let checked = json(here, &["check", "first", "--json"]);
    assert_eq!((&checked["ok"], &checked["built"]["by"]), (&true.into(), &"cargo".into()), "{checked}");
    assert_eq!(checked["built"]["jailed"], false);
    let scored = json(here, &["eval", "first", "--mock", "--eval-size", "3", "--json"]);
    assert_eq!(scored["built"]["by"], "cargo", "{scored}");
    assert_eq!(scored["component_digest"], checked["component_digest"], "cargo makes the same again");
    has(
        &ends(here, &["eval", "first", "--mock", "--eval-size", "3"], 0),
        &["built by cargo", "outside of the jail"],
    );

    fs::write(here.join("first/src/more.rs"), "pub const WORDS: u32 = 1;\n").expect("written");
    has(&ends(here, &["check", "first"], 1), &["cargo could not build the project", "mismatched types"]);
    let settings = here.join("first/harness.toml");
    edit(&settings, "dataset = ", "datset = ");
    has(&ends(here, &["check", "first"], 2), &["harness.toml", "unknown field `datset`"]);
}

/// What an evaluation did can be seen: as text, as JSON, as all calls, as a page.
#[test]
fn prompts_and_replies_are_shown() {
    let folder = project();
    let here = folder.path();
    let shown = ends(here, &with(EVAL, &["--show", "--report", "page.html", "--calls", "calls.jsonl"]), 0);
    has(
        &shown,
        &["example val-", "call 0, prompt: at most 64 tokens", "call 0, reply: ", "complete", "(wrong)"],
    );
    has(&shown, &["of 10,000,000,000", "page: page.html ("]);
    assert!(!shown.contains("note:"), "the page misses nothing: {shown}");
    has(&fs::read_to_string(here.join("page.html")).expect("a page"), &["<html", "evaluation"]);
    let calls = fs::read_to_string(here.join("calls.jsonl")).expect("calls");
    let calls: Vec<Value> = calls.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(calls.len(), 20);
    assert!(calls.iter().all(|call| call["by"] == "harness" && call["reply"].is_object()), "{calls:?}");

    let all = json(here, &with(EVAL, &["--show", "--json"]));
    assert_eq!(all["examples"].as_array().map(Vec::len), Some(20), "{all}");
    let id = all["examples"][0]["example"]["example_id"].as_str().expect("an id").to_owned();
    let one = json(here, &with(EVAL, &["--json", "--show", &id]));
    let first = serde_json::json!([all["examples"][0]]).without_times();
    assert_eq!(one["examples"].clone().without_times(), first);
    has(&ends(here, &with(EVAL, &["--show", &id]), 0), &[&format!("example {id}\n"), "call 0, prompt"]);

    for (more, says) in [
        (&["--show", "val-9999"][..], "no such example is evaluated"),
        (&["--report", "page.html", "--split", "test"], "--split val only"),
        (&["--report", "first/src/lib.rs"], "only a file that ends in .html or .htm"),
    ] {
        has(&ends(here, &with(EVAL, more), 2), &[says]);
    }
}

/// Comparisons without what no second run repeats.
trait WithoutTimes {
    fn without_times(self) -> Self;
}

impl WithoutTimes for Value {
    fn without_times(mut self) -> Self {
        match &mut self {
            Self::Object(fields) => {
                fields.remove("latency_ms");
                fields.values_mut().for_each(|value| *value = value.take().without_times());
            }
            Self::Array(values) => values.iter_mut().for_each(|value| *value = value.take().without_times()),
            _ => {}
        }
        self
    }
}

/// How a harness can go wrong, and what its author reads: the place in the author's own file, and what to do.
#[test]
fn mistakes_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let harness = |body: &str| {
        format!(
            "use mmh_sdk::prelude::*;\nstruct Mine;\nimpl Harness for Mine {{\n    type State = ();\n    fn predict(task: &Task, _: &(), input: &Input, model: &Model) -> Result<Answer> {{\n        let _ = (task, input, model);\n{body}\n    }}\n}}\nmmh_sdk::export!(Mine);\n"
        )
    };
    let checks: [(&str, &str, &[&str]); 5] = [
        (
            "a module",
            "        mod other;\n        todo!()",
            &["--> a/my.rs:7:9", "hint: the jail compiles one file"],
        ),
        (
            "another file",
            "        Ok(Answer::new(include_str!(\"words.txt\")))",
            &["couldn't read", "--> a/my.rs:7:24", "hint: a harness is one file"],
        ),
        (
            "a variable",
            "        Ok(Answer::new(env!(\"WORDS\")))",
            &["--> a/my.rs:7:24", "has no environment"],
        ),
        (
            "unsafe",
            "        unsafe { std::hint::unreachable_unchecked() }",
            &["a/my.rs:7:9", "has no `unsafe`"],
        ),
        ("a type", "        Ok(Answer::new(7))", &["did-not-compile: error[E0277]", "--> a/my.rs:7:24"]),
    ];
    fs::create_dir(here.join("a")).expect("made");
    for (name, body, says) in checks {
        fs::write(here.join("a/my.rs"), harness(body)).expect("written");
        let found = ends(here, &["check", "a/my.rs"], 1);
        has(&found, says);
        let message =
            found.lines().next().unwrap_or_default().trim_start_matches("did-not-compile: ").to_owned();
        assert_eq!(found.matches(&message).count(), 1, "{name}: rustc is quoted once: {found}");
    }
    let long = "        let long = \"x\".repeat(5000);\n        model.ask(long)?;\n        todo!()";
    let ended: [(&str, &str, &[&str], &[&str]); 6] = [
        (
            "a panic in std",
            "        let none: Option<u32> = input.text.parse().ok();\n        Ok(Answer::new(none.expect(\"a number\").to_string()))",
            &[],
            &["panicked at a/my.rs:8:29: a number", "backtrace, innermost first", "a/my.rs:8:29 in"],
        ),
        (
            "no fuel",
            "        #[inline(never)] fn busy(times: u64) -> u64 { (0..times).fold(0, |sum, at| sum ^ std::hint::black_box(at)) }\n        let mut all = 0;\n        while all != 7 { all ^= busy(1000); }\n        todo!()",
            &["--fuel", "3000000"],
            &["used up its 3,000,000 units of fuel (--fuel)", "what took its fuel", "a/my.rs:7 in"],
        ),
        (
            "no labels",
            "        Ok(Answer::new(\"whatever\"))",
            &[],
            &["4 of 4 answers are no label of the task, e.g. \"whatever\"", "task.match_label"],
        ),
        (
            "a large prompt",
            long,
            &["--prompt-kib", "1"],
            &["the prompt has 4.9 KiB, the limit is 1 KiB (--prompt-kib)"],
        ),
        (
            "an exit",
            "        std::process::exit(3)",
            &[],
            &["as failed, with a code other than 0, which WASI does not tell"],
        ),
        (
            "many calls",
            "        model.ask(\"a\")?;\n        model.ask(\"b\")?;\n        todo!()",
            &["--model-calls", "1"],
            &["1 model calls were made, the limit is 1 (--model-calls)"],
        ),
    ];
    for (name, body, more, says) in ended {
        fs::write(here.join("a/my.rs"), harness(body)).expect("written");
        let args = [&["eval", "a/my.rs", "--mock", "--eval-size", "4", "--show"][..], more].concat();
        // Wrong answers are answers.
        let found = ends(here, &args, i32::from(name != "no labels"));
        assert!(!found.contains(" harness.rs:"), "{name}: {found}");
        has(&found, says);
    }
    let unused = "        let unused = 1;\n        Ok(Answer::new(\"a\"))";
    fs::write(here.join("a/my.rs"), harness(unused)).expect("written");
    let plain = ends(here, &["check", "a/my.rs"], 0);
    assert!(!plain.contains("warning"), "{plain}");
    has(
        &ends(here, &["check", "a/my.rs", "--warnings"], 0),
        &["unused variable", "--> a/my.rs:7:13", "ok: component"],
    );
}

/// The fuel of an example, by function and line: the same at each repetition.
#[test]
fn fuel_has_a_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let source = "use mmh_sdk::prelude::*;
struct Mine;
#[inline(never)]
fn dear(times: u64) -> u64 { let mut sum = 0u64; for at in 0..times { sum = sum.wrapping_mul(31) ^ std::hint::black_box(at); } sum }
#[inline(never)]
fn cheap(times: u64) -> u64 { dear(times / 10) }
impl Harness for Mine {
    type State = ();
    fn predict(_: &Task, _: &(), input: &Input, _: &Model) -> Result<Answer> {
        Ok(Answer::new((dear(20_000) ^ cheap(20_000) ^ input.text.len() as u64).to_string()))
    }
}
mmh_sdk::export!(Mine);
";
    fs::write(here.join("mine.rs"), source).expect("written");
    let found = json(here, &with(PROFILE, &["--json", "--svg", "flame.svg"]));
    assert_eq!(found["fuel"], found["fuel_recorded"], "looking takes no fuel: {found}");
    assert_eq!(found, json(here, &with(PROFILE, &["--json"])), "it is the same again");
    let functions = found["functions"].as_array().expect("functions");
    let total = |name: &str| {
        let named = functions.iter().find(|it| it["function"].as_str().is_some_and(|it| it.ends_with(name)));
        named.and_then(|it| it["total"].as_u64()).unwrap_or_default() as f64
    };
    let own: u64 = functions.iter().filter_map(|it| it["own"].as_u64()).sum();
    let fuel = found["fuel"].as_u64().expect("fuel");
    assert_eq!(own, fuel, "all fuel is somewhere");
    assert!(total("::dear") > 0.8 * fuel as f64, "{found}");
    let share = total("::cheap") / total("::dear");
    assert!((0.07..0.12).contains(&share), "a tenth of a tenth more: {share} {found}");
    assert_eq!(found["lines"][0]["line"], 4, "{found}");
    let svg = fs::read_to_string(here.join("flame.svg")).expect("a drawing");
    has(&svg, &["<svg", "harness::dear", "mine.rs, example val-0003"]);
    has(&ends(here, &with(PROFILE, &[]), 0), &["own %  total %", "mine.rs:4 in", "ok, "]);
    has(
        &ends(here, &["profile", "mine.rs", "--mock", "--example", "val-9999"], 2),
        &["there is no such example"],
    );
}

/// A program that is watched while it watches.
struct Dev {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut command = command(folder, &["dev", "first", "--mock", "--eval-size", "10"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let (out, (sender, lines)) = (child.stdout.take().expect("a pipe"), channel());
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, said: String::new() }
    }

    /// What it says up to a line with these words.
    #[track_caller]
    fn until(&mut self, words: &str) -> String {
        let (begun, from) = (Instant::now(), self.said.len());
        while begun.elapsed() < PATIENCE {
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
                self.said += &format!("{line}\n");
                if line.contains(words) {
                    return self.said[from..].to_owned();
                }
            }
        }
        panic!("{words:?} is not said: {}", self.said);
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watch_sees_what_is_saved() {
    const WAITS: &str = "waiting for the next save";
    let folder = project();
    let source = folder.path().join("first/src/lib.rs");
    let mut dev = Dev::start(folder.path());
    has(&dev.until(WAITS), &["first look", "accuracy", "call 0, prompt"]);

    // It says what is no label: whatever was right is broken.
    let good = fs::read_to_string(&source).expect("read");
    edit(&source, "Some(answer) => Ok(answer)", "Some(_) => Ok(Answer::new(\"nothing\"))");
    has(
        &dev.until(WAITS),
        &["save 1", "(0 of 10)", "fixed none; broken val-", "10 of 10 answers are no label"],
    );

    fs::write(&source, format!("{good}\nfn open(")).expect("written");
    has(&dev.until(WAITS), &["save 2", "did-not-compile: error", "--> first/src/lib.rs:"]);

    // An editor that writes a new file and gives it the name of the old one.
    let beside = folder.path().join("first/src/.lib.rs.swp");
    fs::write(&beside, &good).expect("written");
    fs::rename(&beside, &source).expect("renamed");
    has(&dev.until(WAITS), &["save 3", "fixed val-", "broken none"]);

    fs::remove_file(&source).expect("removed");
    dev.until(WAITS);
    fs::write(&source, good + "// again\n").expect("written");
    has(&dev.until(WAITS), &["fixed none; broken none"]);

    let id = rustix::process::Pid::from_child(&dev.child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("asked to end");
    has(&dev.until("ended"), &["ended"]);
    assert_eq!(dev.child.wait().expect("it ends").code(), Some(0));
}
