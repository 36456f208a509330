//! The statements of a run are in-toto statements for others' programs, too.

use std::process::Command;

use mmh_tests::{
    files_below,
    python::{done, python},
    root, runs,
};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// The Python bindings refuse every field that they do not know.
#[test]
fn the_python_bindings_take_them() {
    let run = runs::honest(PROGRAM);
    let mut statements = files_below(run);
    statements.retain(|path| {
        path.file_name().is_some_and(|name| name == "provenance.json" || name == "test-result.json")
    });
    assert_eq!(statements.len(), 4 + 4 + 2, "{statements:?}");
    let folder = root().join("tests/statements");
    let python = python(&folder.join("requirements.txt"));
    let said = done(Command::new(python).arg(folder.join("check.py")).args(&statements));
    assert_eq!(said.trim(), "10 statements");
}

/// The compiler is named by what it is, not only by what it says of itself.
#[test]
fn the_compiler_is_pinned() {
    let read = |file: &str| -> Value {
        let text = std::fs::read_to_string(runs::honest(PROGRAM).join(file)).expect("read");
        serde_json::from_str(&text).expect("JSON")
    };
    let compiler = read("config.json")["toolchain"]["compiler"].clone();
    let named = |name: &str| {
        let mut all = compiler.as_array().into_iter().flatten();
        all.any(|it| it["name"].as_str().is_some_and(|it| it.starts_with(name)))
    };
    for name in ["rustc", "librustc_driver", "standard library of wasm32-wasip2"] {
        assert!(named(name), "{name} is not in {compiler:#}");
    }
    let statement = read("iterations/000/provenance.json");
    let parts = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    for tool in compiler.as_array().into_iter().flatten() {
        let found = parts.as_array().into_iter().flatten().find(|it| it["name"] == tool["name"]);
        assert_eq!(found.map(|it| &it["digest"]["sha256"]), Some(&tool["sha256"]), "{tool}");
    }
}
