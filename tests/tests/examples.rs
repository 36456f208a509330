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

/// Executes every cell of a notebook, and prints what they print. Its folder is the working folder.
const EXECUTE: &str = r#"
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[1])
notebook = nbformat.read(path, 4)
nbformat.validate(notebook)
NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print(output.get("output_type"), output.get("text") or " ".join(output.get("data", {})))
"#;

/// The notebook runs from start to end: on the example that it names, and on a run that has a baseline only.
#[test]
fn the_notebook_shows_a_run() {
    let notebook = root().join("examples/explore_run.ipynb");
    let text = fs::read_to_string(&notebook).expect("the notebook");
    let cells: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let cells = cells["cells"].as_array().expect("cells");
    let kept = cells.iter().filter(|it| it["outputs"].as_array().is_some_and(|it| !it.is_empty()));
    assert_eq!(kept.count(), 0, "outputs belong to a run, and are not kept in the repository");
    let python = python(&root().join("examples/requirements.txt"));
    let executed = |run: Option<&Path>| {
        let mut command = Command::new(&python);
        command.args(["-c", EXECUTE]).arg(&notebook).env_remove("MMH_RUN");
        // Its own settings, and no user's.
        let folder = tempfile::tempdir().expect("a folder");
        command.env("IPYTHONDIR", folder.path()).env("JUPYTER_CONFIG_DIR", folder.path());
        done(command.envs(run.map(|run| ("MMH_RUN", run))))
    };
    let said = executed(None);
    let example = mmh_record::reader::RunReader::open(&root().join("runs/example")).expect("a run");
    let summary = example.summary().expect("a summary");
    let best = summary.best_iteration_index.expect("a best iteration");
    let score = |index: u32| {
        let found = summary.iterations.iter().find(|it| it.index == index);
        found.map(|it| (it.score.n_examples, it.score.n_examples - it.score.n_correct)).expect("scored")
    };
    let (baseline, found) = (score(0), score(best));
    for line in [
        format!("baseline: {} examples, {} wrong", baseline.0, baseline.1),
        format!("iteration {best:03}: {} examples, {} wrong", found.0, found.1),
        "mmh_sdk::export!".to_owned(),
    ] {
        assert!(said.contains(&line), "{line:?} is not in {said}");
    }
    assert_eq!(said.matches("image/png").count(), 2, "{said}");
    let said = executed(Some(mmh_tests::runs::published()));
    for line in ["baseline: 50 examples, 49 wrong", "iteration 005: 50 examples, 4 wrong"] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["run", "--mock", "--iterations", "0", "--eval-size", "4", "--no-test", "--run-id", "b"];
    done(Command::new(PROGRAM).args(args).current_dir(folder.path()).env("MMH_CACHE_DIR", cache_dir()));
    let said = executed(Some(&folder.path().join("runs/b")));
    assert!(said.contains("baseline: 4 examples"), "{said}");
}
