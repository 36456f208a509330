//! Searches that start from a component, or from a project that its author's own tools build: the run has the component, says
//! honestly how it was made, and is read, verified, exported and gone on with as any other.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use mmh_record::{digest::Digest, limits::Limits};
use mmh_search::dataset::task::BASELINE;
use mmh_tests::{builder, cache_dir, environment, guest, root};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const SEARCH: [&str; 8] =
    ["run", "--mock", "--iterations", "1", "--eval-size", "6", "--fixed-clock", "2026-01-01T00:00:00Z"];

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().envs(environment());
    command.env("CARGO_TARGET_DIR", root().join("target/projects"));
    command.env("MMH_CACHE_DIR", cache_dir()).stdin(Stdio::null()).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned()).concat()
}

/// What a command says that ends with this code.
#[track_caller]
fn ends(folder: &Path, args: &[&str], code: i32) -> String {
    let output = mmh(folder, args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
    said(&output)
}

#[track_caller]
fn has(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

/// What a report knows of its run.
fn page_of(file: &Path) -> Value {
    let page = fs::read_to_string(file).expect("a page");
    let block = page.split("id=\"block-run\">").nth(1).and_then(|rest| rest.split('<').next());
    let packed = STANDARD.decode(block.expect("the run")).expect("base64");
    serde_json::from_reader(GzDecoder::new(&packed[..])).expect("JSON")
}

/// A harness that was compiled somewhere.
async fn component() -> Vec<u8> {
    let builder = builder(PROGRAM, Limits::default()).await;
    let built = builder.build(BASELINE).await.expect("the host can go on").expect("it compiles");
    built.component.bytes.to_vec()
}

/// A project in Rust of two files.
fn rust_project(folder: &Path) {
    ends(folder, &["new", "two"], 0);
    fs::write(folder.join("two/src/more.rs"), "pub const MOST_TOKENS: u32 = 64;\n").expect("written");
    let main = folder.join("two/src/lib.rs");
    let text = fs::read_to_string(&main).expect("a source");
    let text = text.replacen("use mmh_sdk", "mod more;\n\nuse mmh_sdk", 1);
    fs::write(main, text.replace("max_tokens(64)", "max_tokens(more::MOST_TOKENS)")).expect("written");
}

/// A project in JavaScript, with its packages.
fn javascript_project(folder: &Path) {
    ends(folder, &["new", "two", "--lang", "javascript"], 0);
    symlink(root().join("examples/javascript/node_modules"), folder.join("two/node_modules"))
        .expect("a link");
}

/// The text of all files of a run that may tell where it was made.
fn texts_of(run: &Path) -> String {
    let files =
        ["config.json", "summary.json", "iterations/000/provenance.json", "iterations/000/reasoning.md"];
    files.map(|file| fs::read_to_string(run.join(file)).expect("a text")).concat()
}

/// All that can be done with a run whose baseline is this harness; `expected` is what its configuration says of it.
fn works(folder: &Path, harness: &str, expected: Value, language: &str) {
    let run = folder.join("runs/a");
    ends(folder, &[&SEARCH[..], &["--run-id", "a", "--baseline", harness]].concat(), 0);
    let home = run.join("iterations/000");
    let digest = Digest::of(fs::read(home.join("harness.wasm")).expect("the component"));
    let config = json_of(&run.join("config.json"));
    let given = &config["given_components"][0];
    assert_eq!(given["sha256"], json!(digest));
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(given[name], *value, "{name}: {given}");
    }
    assert!(!home.join("harness.rs").exists(), "{harness}: there is no source");
    let here = folder.to_string_lossy().into_owned();
    assert!(!texts_of(&run).contains(&here), "{harness}: no place of this machine is recorded");
    let provenance = json_of(&home.join("provenance.json"));
    assert_eq!(provenance["predicate"]["buildDefinition"]["buildType"], "urn:mmh:build:given-component:1");
    assert_eq!(provenance["subject"][0]["digest"]["sha256"], json!(digest));

    let words = if language.is_empty() { "made elsewhere" } else { language };
    has(&fs::read_to_string(home.join("reasoning.md")).expect("a text"), &["# Baseline: a component", words]);
    has(
        &fs::read_to_string(run.join("iterations/001/proposer.jsonl")).expect("a text"),
        &["iteration 0 is a component; its source is not recorded. read_reasoning says where it came from"],
    );
    has(&ends(folder, &["replay", "runs/a", "--iteration", "0"], 0), &["6 examples: 6 same"]);
    has(&ends(folder, &["diff", "runs/a", "0", "1"], 0), &["000 is a component that was made elsewhere"]);
    ends(folder, &["report", "runs/a", "-o", "a.html"], 0);
    let shown = page_of(&folder.join("a.html"));
    let first = &shown["iterations"][0];
    has(first["source_note"].as_str().unwrap_or_default(), &["a component that", words]);
    assert_eq!([&first["source"], &shown["problems"]], [&json!(""), &json!([])]);
    ends(folder, &["eval", "runs/a", "--iteration", "0", "--mock", "--eval-size", "2"], 0);
    ends(folder, &["inspect", "runs/a", "--iteration", "0"], 0);

    ends(folder, &["export", "runs/a", "--iteration", "0", "-o", "exported"], 0);
    has(&ends(folder, &["verify", "exported"], 0), &["it holds, as far as an export can be checked"]);
    ends(folder, &["export", "runs/a", "--iteration", "0", "--format", "cyclonedx", "-o", "a.json"], 0);
    let properties = &json_of(&folder.join("a.json"))["metadata"]["component"]["properties"];
    let about = properties.as_array().into_iter().flatten().find(|it| it["name"] == "mmh:not-compiled-here");
    assert_eq!(about.map(|it| &it["value"]), Some(&expected["from"]), "{properties}");

    ends(folder, &["run", "--resume", "runs/a", "--iterations", "2"], 0);
    let verified = ends(folder, &["verify", "runs/a"], 0);
    has(&verified, &["iterations/000   ok          not compiled here 6/6", "all of it holds"]);
    has(&verified, &["iterations/002   ok          same              6/6"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_starts_from_a_component() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.wasm"), component().await).expect("written");
    let expected =
        json!({ "index": 0, "from": "component", "language": null, "built_by": null, "files": null });
    works(folder.path(), "mine.wasm", expected, "");
}

#[test]
fn a_search_starts_from_a_project_of_several_files() {
    let folder = tempfile::tempdir().expect("a folder");
    rust_project(folder.path());
    let files: Vec<PathBuf> =
        ["src/lib.rs", "src/more.rs"].map(|name| folder.path().join("two").join(name)).into();
    let digests = files.iter().map(|file| Digest::of(fs::read(file).expect("a file")));
    let digests: Vec<Value> = digests.map(|digest| json!(digest)).collect();
    let expected = json!({ "from": "project", "language": "rust", "built_by": "cargo" });
    works(folder.path(), "two", expected, "in rust");
    let config = json_of(&folder.path().join("runs/a/config.json"));
    let listed = &config["given_components"][0]["files"];
    assert_eq!([&listed["src/lib.rs"], &listed["src/more.rs"]], [&digests[0], &digests[1]]);
}

#[test]
fn a_search_starts_from_a_project_in_another_language() {
    let folder = tempfile::tempdir().expect("a folder");
    javascript_project(folder.path());
    let command = "sh -c test -d node_modules || npm ci && npm run build";
    let expected = json!({ "from": "project", "language": "javascript", "built_by": command });
    works(folder.path(), "two", expected, "in javascript");
}

/// One flipped byte of the recorded component is found, and nothing goes on from it.
#[tokio::test(flavor = "multi_thread")]
async fn another_component_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine.wasm"), component().await).expect("written");
    let args = ["--run-id", "a", "--baseline", "mine.wasm", "--no-test"];
    ends(folder.path(), &[&SEARCH[..], &args].concat(), 0);
    let path = folder.path().join("runs/a/iterations/000/harness.wasm");
    let mut bytes = fs::read(&path).expect("the component");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let digest = Digest::of(&bytes).to_string();
    fs::write(&path, bytes).expect("written");
    let verified = ends(folder.path(), &["verify", "runs/a"], 1);
    has(&verified, &["the baseline to start from", &format!("{digest} by its bytes"), "it does not hold"]);
    let resumed = ends(folder.path(), &["run", "--resume", "runs/a", "--iterations", "2"], 3);
    has(&resumed, &["iterations/000/harness.wasm is damaged"]);
}

/// A component with a section of this many bytes that says nothing.
fn padded(component: &[u8], bytes: usize) -> Vec<u8> {
    let mut section = vec![1, b'x'];
    section.resize(bytes, 0);
    let mut out = component.to_vec();
    out.push(0);
    let mut left = section.len();
    loop {
        let low = (left & 0x7f) as u8;
        left >>= 7;
        out.push(if left == 0 { low } else { low | 0x80 });
        if left == 0 {
            break;
        }
    }
    [out, section].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_harness_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let good = component().await;
    let builder = builder(PROGRAM, Limits::default()).await;
    let scorer = builder.build_scorer(&guest("score/exact.rs")).await.expect("the host can go on");
    let scorer = scorer.expect("it compiles").component.bytes.to_vec();
    let mut old = good.clone();
    for at in 0..old.len() {
        if old[at..].starts_with(b"@2.0.0") {
            old[at + 1] = b'1';
        }
    }
    let write = |name: &str, bytes: &[u8]| fs::write(here.join(name), bytes).expect("written");
    write("text.wasm", b"no component");
    write("scorer.wasm", &scorer);
    write("large.wasm", &padded(&good, 2 << 20));
    write("old.wasm", &old);
    write("good.wasm", &good);
    write("good.txt", &good);
    write("python.py", b"pass");
    fs::create_dir(here.join("empty")).expect("a folder");
    rust_project(here);
    write("two/src/more.rs", b"no rust");
    let one_mib = ["--component-mib", "1"];
    // the baseline, further options, the exit code, what is said
    let table: [(&str, &[&str], i32, &str); 9] = [
        (
            "text.wasm",
            &[],
            1,
            "the baseline is refused, so there is no run and nothing is spent: bad-component",
        ),
        ("scorer.wasm", &[], 1, "not a harness: "),
        ("large.wasm", &one_mib, 1, "more than the limit of 1 MiB (--component-mib)"),
        ("old.wasm", &[], 1, "was built against mmh:harness@1.0.0, but this mmh speaks mmh:harness@2.0.0"),
        ("missing.wasm", &[], 2, "cannot read missing.wasm"),
        ("good.txt", &[], 2, "a source ends in .rs or .py, a component in .wasm, and a project is a folder"),
        ("empty", &[], 2, "it is a folder, and no project"),
        ("two", &[], 1, "cargo could not build the project"),
        ("python.py", &[], 2, "a component (.wasm) may be of any language"),
    ];
    for (name, more, code, expected) in table {
        let output = ends(here, &[&SEARCH[..], &["--run-id", "a", "--baseline", name], more].concat(), code);
        has(&output, &[expected]);
        assert!(!here.join("runs/a").exists(), "{name}: there is no run");
    }
    let twice = ["--run-id", "a", "--baseline", "good.wasm", "--baseline", "zero-shot"];
    has(&ends(here, &[&SEARCH[..], &twice].concat(), 2), &["compile to the same component"]);
}
