//! Harnesses that are compiled from Python in the jail, with the real toolchain: what comes of good and of hostile sources, a
//! search by a scripted agent and one by the simulated proposer, which verify and replay, and setting the toolchain up.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
    sync::OnceLock,
};

use mmh_engine::{
    cache::Cache,
    compile::{Compiler, Python, Rejection},
    jail::Jail,
    toolchain::python,
};
use mmh_record::limits::Limits;
use mmh_search::baselines;
use mmh_tests::{
    agents::{Place, contents, differing, said},
    cache_dir, environment,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What every harness needs, with a place for what a test is about.
const HARNESS: &str = "\
import wit_world
from wit_world.imports.types import Answer
TOP
class WitWorld(wit_world.WitWorld):
    def predict(self, task, state, input):
        INNER
        return Answer(\"x\")
    def learn(self, task, state, feedback):
        return state
";

/// A harness with these lines at its top, and this line in `predict`.
fn harness(top: &str, inner: &str) -> String {
    HARNESS.replace("TOP", top).replace("INNER", inner)
}

/// Sets the toolchain up in the tests' own cache, once.
fn set_up() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let output = mmh(&["toolchain", "add", "python"]).output().expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
    });
}

fn mmh(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_RUSTC");
    command
}

async fn compiler(cache: &Cache, limits: Limits) -> Compiler {
    set_up();
    let tools = python::find(&Cache::new(cache_dir()), &environment()).await.expect("the toolchain");
    Compiler::new(Python::new(tools), Jail::new(PROGRAM.into()), cache.clone(), limits)
}

/// A cache of its own, with nothing in it.
fn fresh() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::new(folder.path().join("cache"));
    (folder, cache)
}

/// The same source gives the same bytes, on whatever file system the scratch folder lies.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_always_gives_the_same_component() {
    let (_one, first) = fresh();
    let memory = tempfile::tempdir_in("/dev/shm");
    let (_two, second) = match &memory {
        Ok(folder) => (None, Cache::new(folder.path().join("cache"))),
        Err(_) => {
            let (folder, cache) = fresh();
            (Some(folder), cache)
        }
    };
    let source =
        baselines::ZERO_SHOT.source_in(mmh_record::language::HarnessLanguage::Python).expect("a source");
    let mut found = Vec::new();
    for cache in [&first, &second] {
        let compiler = compiler(cache, Limits::default()).await;
        let made = compiler.compile(source).await.expect("the host works").expect("it compiles");
        assert!(!made.cached);
        found.push((compiler.key(source), made.digest));
    }
    assert_eq!(found[0], found[1]);
    let other = compiler(&first, Limits::default()).await.key(&format!("{source}\n"));
    assert_ne!(other, found[0].0);
}

/// A name, a source, the kind of refusal, and what its message says.
type Case = (&'static str, String, &'static str, &'static str);

/// Sources that are no harness.
fn wrong() -> Vec<Case> {
    vec![
        ("a syntax error", "def f(:\n    pass\n".to_owned(), "did-not-compile", "harness.py:1: SyntaxError"),
        ("a package", harness("import numpy", "pass"), "did-not-compile", "there are no packages"),
        ("no class", "import wit_world\n".into(), "did-not-compile", "a harness is a class WitWorld"),
        (
            "no learn",
            "import wit_world\nclass WitWorld(wit_world.WitWorld):\n    def predict(self, task, state, input):\n        pass\n".into(),
            "did-not-compile",
            "returns its state in learn",
        ),
        ("nothing", String::new(), "did-not-compile", "a harness is a class WitWorld"),
        (
            "an exception while it is compiled",
            harness("def f():\n    raise ValueError('no')\nf()", "pass"),
            "did-not-compile",
            "harness.py:4: ValueError: no",
        ),
        (
            "ends the program",
            harness("import os\nos._exit(0)", "pass"),
            "did-not-compile",
            "must not call sys.exit",
        ),
    ]
}

/// Sources that try what they may not, such as this file of the host.
fn hostile(secret: &str) -> Vec<Case> {
    vec![
        (
            "reads a file",
            harness(&format!("print(open({secret:?}).read())"), "pass"),
            "did-not-compile",
            "there is no file but its own",
        ),
        (
            "reads a file of the system",
            harness("print(open('/etc/passwd').read())", "pass"),
            "did-not-compile",
            "harness.py:3: FileNotFoundError",
        ),
        (
            "writes outside",
            harness(&format!("open({secret:?}, 'w').write('x')"), "pass"),
            "did-not-compile",
            "Error: [Errno ",
        ),
        (
            "climbs out of its folder",
            harness("open('/0/../../../../etc/hostname')", "pass"),
            "did-not-compile",
            "Error: [Errno ",
        ),
        (
            "changes its own folder",
            harness("open('/0/other.py', 'w').write('x')", "pass"),
            "did-not-compile",
            "Error: [Errno ",
        ),
        (
            "opens a connection",
            harness("import socket\nsocket.create_connection(('127.0.0.1', 80), 2)", "pass"),
            "did-not-compile",
            "there is no network",
        ),
        (
            "starts a process",
            harness("import subprocess\nsubprocess.run(['ls'])", "pass"),
            "did-not-compile",
            "does not support processes",
        ),
        (
            "never ends",
            harness("while True: pass", "pass"),
            "compiler-timeout",
            "componentize-py was stopped",
        ),
        (
            "sleeps",
            harness("import time\ntime.sleep(10**6)", "pass"),
            "compiler-timeout",
            "componentize-py was stopped",
        ),
        (
            "eats memory",
            harness("held = []\nwhile True: held.append(bytearray(b'x' * (64 << 20)))", "pass"),
            "compiler-memory",
            "(--rustc-memory-mib)",
        ),
        (
            "fills the disk",
            harness("out = open('/python/big', 'wb')\nwhile True: out.write(b'x' * (16 << 20))", "pass"),
            "component-too-large",
            "(--component-mib)",
        ),
    ]
}

/// Sources that are wrong, or that try what they may not, are turned down with their line and the next step.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_hostile_sources_are_refused() {
    let (folder, cache) = fresh();
    let secret = folder.path().join("secret.txt");
    fs::write(&secret, "a secret of the host").expect("a file");
    let secret = secret.display().to_string();
    let patient = Limits { rustc_memory_bytes: 1 << 30, ..Limits::default() };
    let hasty = Limits { rustc_wall_ms: 4_000, ..patient.clone() };
    let table = [wrong(), hostile(&secret)].concat();
    let (patient, hasty) = (compiler(&cache, patient).await, compiler(&cache, hasty).await);
    for (name, source, kind, words) in table {
        let compiler = if kind == "compiler-timeout" { &hasty } else { &patient };
        let verdict = compiler.compile(&source).await.expect("the host works");
        let Rejection { kind: found, message, diagnostics } =
            verdict.map(|made| made.digest).expect_err(name);
        assert!(
            found.name() == kind && message.contains(words),
            "{name}: {found:?}: {message}\n{diagnostics}"
        );
        assert!(!diagnostics.contains(&cache.root().display().to_string()), "{name}: {diagnostics}");
    }
    assert_eq!(fs::read_to_string(&secret).expect("it is there"), "a secret of the host");
}

/// What a harness does at run time: errors name its line, and nothing opens.
#[test]
fn errors_at_run_time_name_the_line() {
    set_up();
    let folder = tempfile::tempdir().expect("a folder");
    // name, top, the line in predict, the outcome, what the error says
    let table = [
        ("an exception", "", "raise ValueError('no')", "panic", "harness.py:6: ValueError: no"),
        (
            "an error of its own",
            "from componentize_py_types import Err",
            "raise Err('mine')",
            "harness-error",
            "mine",
        ),
        ("a file", "", "open('/etc/passwd')", "panic", "harness.py:6: FileNotFoundError"),
        (
            "memory",
            "",
            "'x' * (1 << 30)",
            "memory-limit",
            "(--memory-mib); its last words: harness.py:6: MemoryError",
        ),
        (
            "memory until none is left",
            "pieces = []",
            "[pieces.append('x' * (8 << 20)) for _ in range(99)]",
            "memory-limit",
            "(--memory-mib); its last words: harness.py:6: MemoryError",
        ),
    ];
    for (name, top, inner, kind, words) in table {
        let path = folder.path().join("mine.py");
        fs::write(&path, harness(top, inner)).expect("written");
        let trace = folder.path().join("trace.jsonl");
        let mut eval = mmh(&["eval"]);
        eval.arg(&path).args(["--mock", "--split", "val", "--eval-size", "1", "--trace"]).arg(&trace);
        let output = eval.output().expect("it starts");
        let row: Value =
            serde_json::from_str(&fs::read_to_string(&trace).unwrap_or_default()).unwrap_or_default();
        let error = row["error"].as_str().unwrap_or_default();
        assert!(row["error_kind"] == kind && error.contains(words), "{name}: {row}\n{}", said(&output));
    }
}

/// An agent that changes the last harness, tries it, hands in a broken one and then a good one.
const SCRIPT: &str = r##"#!/bin/sh
set -eu
n=$(sed -n 's/^Write the harness of iteration \([0-9]*\).*/\1/p' TASK.md)
grep -q 'one Python file' AGENTS.md
grep -q 'class `WitWorld`' sdk/SDK.md
example=$(head -n 1 history/000/eval_trace.jsonl | grep -o '"example_id":"[^"]*"' | cut -d '"' -f 4)
sed "s/and nothing else/and nothing else (version $n)/" history/000/harness.py > harness.py
mmh check harness.py
mmh try harness.py --example "$example" > tried.json
echo 'def f(:' > broken.py
echo "# Version $n" > reasoning.md
if mmh submit broken.py --reasoning reasoning.md > refused.json; then exit 9; fi
mmh submit harness.py --reasoning reasoning.md > accepted.json
echo "candidate $n is done"
"##;

/// A search in Python: recorded as one, verified, replayed, compared, exported, and not to be mixed with Rust.
#[tokio::test(flavor = "multi_thread")]
async fn a_scripted_agent_searches_in_python() {
    set_up();
    let place = Place::new(PROGRAM, SCRIPT).await;
    symlink(cache_dir().join(python::KIND), place.path("cache").join(python::KIND)).expect("a link");
    let args = ["--iterations", "1", "--harness-language", "python"];
    let output = place.search("one", &args).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
    let run = place.path("one/a");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(run.join(name)).expect("a file")).expect("JSON")
    };
    let (config, summary) = (read("config.json"), read("summary.json"));
    assert_eq!(config["harness_language"], "python");
    assert_eq!(config["toolchain"]["compiler"][0]["name"], "componentize-py");
    assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(2), "{}", summary["unscored"]);
    let source = fs::read_to_string(run.join("iterations/001/harness.py")).expect("a source");
    assert!(source.contains("(version 1)") && !run.join("iterations/001/harness.rs").exists());
    let provenance = read("iterations/001/provenance.json").to_string();
    assert!(
        provenance.contains("componentize-py") && provenance.contains("requirements.txt"),
        "{provenance}"
    );
    assert!(place.verify("one").contains("all of it holds"), "{}", place.verify("one"));
    let done = |args: &[&str], words: &str| {
        let output = place.mmh(args).output().expect("it starts");
        let said = said(&output);
        assert!(output.status.success() && said.contains(words), "{args:?}: {said}");
    };
    let named = run.display().to_string();
    let path = |name: &str| place.path(name).display().to_string();
    done(&["replay", &named, "--iteration", "1"], "6 examples: 6 same");
    done(&["diff", &named, "0", "1"], "001/harness.py");
    done(&["inspect", &named, "--iteration", "1"], "mmh:harness/model");
    done(&["export", &named, "-o", &path("best")], "");
    assert!(Path::new(&path("best")).join("harness.py").is_file());
    done(&["verify", &path("best")], "it holds, as far as an export");
    done(&["export", &named, "--format", "cyclonedx", "-o", &path("bill.json")], "");
    let bill = fs::read_to_string(path("bill.json")).expect("a bill");
    assert!(bill.contains("pkg:pypi/componentize-py@"), "{bill}");
    done(&["report", &named, "-o", &path("report.html")], "");
    // A run that goes on has its language.
    let output =
        place.mmh(&["run", "--resume", &named, "--harness-language", "rust"]).output().expect("it starts");
    assert!(!output.status.success(), "{}", said(&output));
}

/// The simulated proposer writes Python where it is asked for, the same twice.
#[test]
fn the_simulated_proposer_writes_python() {
    set_up();
    let folder = tempfile::tempdir().expect("a folder");
    let mut found: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
    for runs in ["one", "two"] {
        let runs = folder.path().join(runs);
        let mut search = mmh(&["run", "--mock", "--harness-language", "python", "--iterations", "2"]);
        search.args([
            "--eval-size",
            "8",
            "--no-test",
            "--run-id",
            "a",
            "--fixed-clock",
            "2026-01-01T00:00:00Z",
        ]);
        let output: Output = search.arg("--runs-dir").arg(&runs).output().expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
        let summary: Value =
            serde_json::from_slice(&fs::read(runs.join("a/summary.json")).expect("a summary")).expect("JSON");
        assert_eq!(summary["iterations"].as_array().map(Vec::len), Some(3), "{summary}");
        found.push(contents(&runs.join("a")));
    }
    let differ = differing(&found[0], &found[1], "");
    assert!(differ.is_empty(), "{differ:?}");
    let output = mmh(&["verify"]).arg(folder.path().join("one/a")).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
}

/// Wrong input is refused before there is a run.
#[test]
fn wrong_options_are_refused() {
    set_up();
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let (rust, python) = (write("a.rs", baselines::ZERO_SHOT.source), write("a.py", &harness("", "pass")));
    let run = ["run", "--mock", "--iterations", "1"];
    let search = |more: &[&str]| [&run[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let words = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    // arguments, what is said
    let table = [
        (search(&["--harness-language", "perl"]), "rust or python"),
        (search(&["--baseline", &python]), "is in Python, and the search is in Rust"),
        (
            search(&["--harness-language", "python", "--baseline", &rust]),
            "is in Rust, and the search is in Python",
        ),
        (
            search(&["--harness-language", "python", "--baseline", "few-shot-random"]),
            "does not ship in Python",
        ),
        (words(&["toolchain", "add", "rust"]), "Rust comes with rustup"),
        (words(&["toolchain", "add", "perl"]), "the only one is python"),
        (words(&["check", "/no/such/harness.py"]), "/no/such/harness.py"),
    ];
    for (args, expected) in table {
        let output = mmh(&[]).args(&args).current_dir(folder.path()).output().expect("it starts");
        let said = said(&output);
        assert!(!output.status.success() && said.contains(expected), "{args:?}: {said}");
    }
    assert!(!folder.path().join("runs").exists());
}

/// Setting up says what is missing: Python, pip, the network, or a file with the right hash. Without it, commands say how it
/// is set up.
#[test]
fn setting_up_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    let wheels = folder.path().join("wheels");
    fs::create_dir(&wheels).expect("a folder");
    let name = format!("componentize_py-{}-cp39-abi3-manylinux_2_28_x86_64.whl", python::version());
    fs::write(wheels.join(name), "no wheel").expect("a file");
    let fake = |script: &str| {
        let folder = tempfile::tempdir_in(folder.path()).expect("a folder").keep();
        let program = folder.join("python3");
        fs::write(&program, script).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("a mode");
        format!("{}:/usr/bin:/bin", folder.display())
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let without_pip = fake(
        "#!/bin/sh\nfor it in \"$@\"; do if [ \"$it\" = -m ]; then exit 1; fi; done\n\
         echo '{\"program\": \"/bin/sh\", \"version\": [3, 11, 0], \"folders\": []}'\n",
    );
    let old = fake("#!/bin/sh\necho '{\"program\": \"/bin/sh\", \"version\": [3, 8, 1], \"folders\": []}'\n");
    let broken = fake("#!/bin/sh\nexit 3\n");
    // name, PATH, variables, what is said
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let found = wheels.display().to_string();
    let table: [(&str, &str, Variables<'_>, &str); 6] = [
        ("no Python", programs.to_str().expect("UTF-8"), &[], "no absolute folder of the PATH has python3"),
        ("an old Python", &old, &[], "is Python 3.8.1"),
        ("a broken Python", &broken, &[], "does not answer"),
        ("no pip and no venv", &without_pip, &[], "has neither pip nor venv"),
        ("no network", &path, &[("PIP_NO_INDEX", "1")], "this needs the network once"),
        ("another file", &path, &[("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", &found)], "its hash differs"),
    ];
    let cache = folder.path().join("cache");
    for (name, path, variables, expected) in table {
        let mut add = Command::new(PROGRAM);
        add.args(["toolchain", "add", "python"]).env("MMH_CACHE_DIR", &cache).env("PATH", path);
        let output = add.envs(variables.iter().copied()).output().expect("it starts");
        let said = said(&output);
        assert!(output.status.code() == Some(3) && said.contains(expected), "{name}: {said}");
    }
    let harness_file = folder.path().join("a.py");
    fs::write(&harness_file, harness("", "pass")).expect("a file");
    let output = mmh(&["check"]).arg(&harness_file).env("MMH_CACHE_DIR", &cache).output().expect("it starts");
    assert!(said(&output).contains("`mmh toolchain add python`"), "{}", said(&output));
    let list = mmh(&["toolchain"]).env("MMH_CACHE_DIR", &cache).output().expect("it starts");
    assert!(list.status.success() && said(&list).contains("missing"), "{}", said(&list));
}
