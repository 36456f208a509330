//! The leak lint over what the simulated proposer writes: no alarm, in sources and in components.

use std::{fs, process::Command};

use mmh_search::{
    dataset::{self, BUILTIN},
    leaks::Lint,
};
use mmh_tests::cache_dir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

#[test]
fn simulated_harnesses_carry_nothing_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["run", "--mock", "--iterations", "8", "--eval-size", "40", "--no-test", "--run-id", "a"];
    let output = Command::new(PROGRAM)
        .args(args)
        .current_dir(folder.path())
        .env("MMH_CACHE_DIR", cache_dir())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let lint = Lint::new(&dataset.train, &dataset.val, &dataset.test);
    let mut checked = 0;
    for entry in fs::read_dir(folder.path().join("runs/a/iterations")).expect("iterations") {
        let iteration = entry.expect("an entry").path();
        let Ok(component) = fs::read(iteration.join("harness.wasm")) else { continue };
        let source = fs::read_to_string(iteration.join("harness.rs")).expect("a source");
        assert_eq!(lint.check(&source, &component), [], "{}", iteration.display());
        checked += 1;
    }
    assert!(checked >= 6, "{checked} harnesses were checked");
}

/// Prints what a lint of the largest source and 2 MiB of data takes: `cargo test -p mmh-tests --test lint
/// -- --ignored --nocapture`, without optimisation an upper bound.
#[test]
#[ignore = "prints a figure, and asserts none"]
fn how_long_a_lint_takes() {
    let dataset = dataset::load(BUILTIN, 0).expect("it loads");
    let begun = std::time::Instant::now();
    let lint = Lint::new(&dataset.train, &dataset.val[..100], &dataset.test);
    println!("made in {:.1?}", begun.elapsed());
    let texts: String =
        dataset.train.iter().map(|row| format!("    ({:?}, {:?}),\n", row.input.text, row.gold)).collect();
    let source = texts.repeat((256 << 10) / texts.len() + 1);
    let data: String = texts.repeat((2 << 20) / texts.len() + 1).replace(['"', '\n', '\\'], " ");
    let component = wat::parse_str(format!(
        "(component (core module (memory 64) (data (i32.const 0) \"{}\")))",
        data.chars().filter(char::is_ascii).take(2 << 20).collect::<String>()
    ))
    .expect("wat");
    for _ in 0..3 {
        let begun = std::time::Instant::now();
        let found = lint.check(&source[..source.floor_char_boundary(256 << 10)], &component);
        println!("{} leaks in {:.1?}", found.len(), begun.elapsed());
    }
}
