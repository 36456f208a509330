//! What stands in `examples/` works on a run that this program has made.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mmh_tests::{
    cache_dir,
    python::{done, python},
    root,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

fn run(folder: &Path) -> PathBuf {
    let args =
        ["run", "--mock", "--iterations", "1", "--eval-size", "30", "--no-test", "--run-id", "a", "--json"];
    done(Command::new(PROGRAM).args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir()));
    folder.join("runs/a")
}

/// pandas reads the summary and the traces, and counts as this program does.
#[test]
fn pandas_reads_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(folder.path());
    let script = root().join("examples/analyse.py");
    let said = done(
        Command::new(python(&root().join("examples/requirements.txt")))
            .arg(script)
            .arg(&run)
            .arg("-o")
            .arg(folder.path()),
    );
    let summary = mmh_record::reader::RunReader::open(&run).expect("a run").summary().expect("a summary");
    for it in &summary.iterations {
        let counts = format!("{} {}", it.score.n_correct, it.score.n_examples);
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&counts), "{counts} is not in {said}");
    }
    let board = done(Command::new(PROGRAM).arg("summary").arg(&run).arg("--json"));
    let board: serde_json::Value = serde_json::from_str(&board).expect("JSON");
    let best = &board["scoreboard"]["best"];
    let expected = match best["index"].as_u64() {
        Some(0) | None => "confusion of iteration 000: 30 examples".to_owned(),
        Some(index) => {
            let against = &best["against_baseline"];
            format!(
                "iteration {index:03} against 000: {} fixed, {} broken",
                against["fixed"], against["broken"]
            )
        }
    };
    assert!(said.contains(&expected), "{expected:?} is not in {said}");
    for picture in ["accuracy.png", "confusion.png"] {
        let bytes = fs::read(folder.path().join(picture)).expect("a picture");
        assert_eq!(&bytes[1..4], b"PNG", "{picture}");
    }
}
