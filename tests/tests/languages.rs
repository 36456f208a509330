//! The harnesses in other languages that stand in `examples/`: their own tools build them, twice to the same bytes, and
//! this program evaluates them, each time with the same answers, logs and fuel.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use mmh_record::digest::Digest;
use mmh_tests::{
    cache_dir, copy_folder,
    python::{done, python},
    root,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A copy of an example with all that it needs from elsewhere, in a folder of its own.
fn example(folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join("examples").join(name);
    fs::create_dir_all(&copy).expect("a folder");
    for entry in fs::read_dir(root().join("examples").join(name)).expect("the example") {
        let path = entry.expect("an entry").path();
        if path.is_file() && path.extension().is_none_or(|ending| ending != "wasm") {
            fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    let tool = root().join("examples").join(name).join("tool");
    if tool.is_dir() {
        copy_folder(&tool, &copy.join("tool"));
    }
    copy_folder(&root().join("wit"), &folder.join("wit"));
    fs::copy(root().join("examples/steady.c"), folder.join("examples/steady.c")).expect("copied");
    let packages = root().join("examples").join(name).join("node_modules");
    if packages.is_dir() {
        symlink(packages, copy.join("node_modules")).expect("a link");
    }
    copy
}

/// Builds an example by its command, in a fresh folder: the component.
fn built(name: &str, command: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = example(folder.path(), name);
    let mut build = Command::new(command[0]);
    build.args(&command[1..]).current_dir(&copy);
    if name == "python" {
        let python = python(&root().join("examples/python/requirements.txt"));
        build.env("COMPONENTIZE_PY", python.with_file_name("componentize-py"));
    }
    // What C's small tool needs is compiled once.
    build.env("CARGO_TARGET_DIR", root().join("target/c-tool"));
    done(&mut build);
    fs::read(copy.join("harness.wasm")).expect("the component")
}

/// Evaluates a component: what it came to for each example, without times.
fn evaluated(folder: &Path, component: &Path) -> Vec<Value> {
    let trace = folder.join("trace.jsonl");
    let mut eval = Command::new(PROGRAM);
    eval.arg("eval").arg(component).args(["--mock", "--split", "val", "--eval-size", "12", "--trace"]);
    done(eval.arg(&trace).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()));
    let text = fs::read_to_string(trace).expect("the trace");
    let rows = text.lines().map(|line| {
        let mut row: Value = serde_json::from_str(line).expect("JSON");
        row.as_object_mut().expect("a row").retain(|name, _| !name.ends_with("_ms"));
        row
    });
    rows.collect()
}

/// What is true of each of them.
fn works(name: &str, command: &[&str], builds: usize) {
    let component = built(name, command);
    for _ in 1..builds {
        assert_eq!(Digest::of(built(name, command)), Digest::of(&component), "{command:?}: other bytes");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("harness.wasm");
    fs::write(&path, component).expect("written");
    let rows = evaluated(folder.path(), &path);
    assert_eq!(rows.len(), 12);
    for row in &rows {
        assert_eq!(row["error"], Value::Null, "{command:?}: {row}");
        assert_eq!(row["logs"][0]["message"], "shows 4 of 484 examples", "{command:?}: {row}");
    }
    let right = rows.iter().filter(|row| row["correct"] == true).count();
    assert!(right >= 4, "{command:?}: {right} of 12 are right");
    assert_eq!(evaluated(folder.path(), &path), rows, "{command:?}: another time");
}

#[test]
fn a_harness_in_python_works() {
    works("python", &["sh", "build.sh"], 2);
}

#[test]
fn a_harness_in_javascript_works() {
    works("javascript", &["npm", "run", "build"], 2);
}

#[test]
fn a_harness_in_typescript_works() {
    works("javascript", &["npm", "run", "build:ts"], 1);
}

#[test]
fn a_harness_in_c_works() {
    works("c", &["sh", "build.sh"], 2);
}

/// What `mmh new` writes is what is tested here: projects have the examples' files, but for names and places.
#[test]
fn templates_are_the_examples() {
    let folder = tempfile::tempdir().expect("a folder");
    for language in ["python", "javascript", "typescript"] {
        let mut new = Command::new(PROGRAM);
        new.args(["new", language, "--lang", language]).current_dir(folder.path());
        done(new.env("MMH_CACHE_DIR", cache_dir()));
    }
    let read = |path: PathBuf| {
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    // the new project's file, and the example's
    let table = [
        ("python/harness.py", "examples/python/harness.py"),
        ("python/requirements.txt", "examples/python/requirements.txt"),
        ("python/steady.c", "examples/steady.c"),
        ("python/wit/harness.wit", "wit/harness.wit"),
        ("javascript/harness.js", "examples/javascript/harness.js"),
        ("javascript/guard.js", "examples/javascript/guard.js"),
        ("javascript/mmh.d.ts", "examples/javascript/mmh.d.ts"),
        ("javascript/build.mjs", "examples/javascript/build.mjs"),
        ("javascript/package-lock.json", "examples/javascript/package-lock.json"),
        ("javascript/steady.c", "examples/steady.c"),
        ("javascript/wit/harness.wit", "wit/harness.wit"),
        ("typescript/harness.ts", "examples/javascript/harness.ts"),
        ("typescript/guard.js", "examples/javascript/guard.js"),
        ("typescript/mmh.d.ts", "examples/javascript/mmh.d.ts"),
        ("typescript/build.mjs", "examples/javascript/build.mjs"),
        ("typescript/package-lock.json", "examples/javascript/package-lock.json"),
        ("typescript/steady.c", "examples/steady.c"),
        ("typescript/wit/harness.wit", "wit/harness.wit"),
    ];
    for (template, original) in table {
        let original = read(root().join(original));
        let name = template.split('/').next().expect("a language");
        let original = match template.rsplit('/').next() {
            Some("build.mjs") => original
                .replace("'../../wit'", "'wit'")
                .replace("'../steady.c'", "'steady.c'")
                .replace("harness.wasm", &format!("{name}.wasm")),
            Some("package-lock.json") => original.replace("\"mmh-harness\"", &format!("\"{name}\"")),
            _ => original,
        };
        assert!(read(folder.path().join(template)) == original, "{template} differs from its original");
    }
}
