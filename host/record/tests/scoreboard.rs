//! The example in the crate's docs says what a run scored, and is the example in `examples/`.

use std::path::Path;

#[path = "../examples/scoreboard.rs"]
#[expect(dead_code, reason = "its `main` is for the example")]
mod example;

/// The run that the repository has.
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runs/example");

#[test]
fn the_scoreboard_of_the_example_run() {
    let expected = [
        "  000  41.7 % [19.3, 68.0] 5 of 12",
        "* 001  58.3 % [32.0, 80.7] 7 of 12",
        "  002  33.3 % [13.8, 60.9] 4 of 12",
        "  003  58.3 % [32.0, 80.7] 7 of 12",
    ];
    assert_eq!(example::scoreboard(Path::new(RUN)).expect("a run"), expected);
}

#[test]
fn iterations_without_a_score_have_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(Path::new(RUN).join("summary.json")).expect("read"))
            .expect("JSON");
    let scored = summary["iterations"].as_array_mut().expect("a list").remove(2);
    let mut unscored = serde_json::json!({ "status": "did-not-compile", "reason": "error[E0308]" });
    for field in ["index", "cost", "started_at", "finished_at"] {
        unscored[field] = scored[field].clone();
    }
    summary["unscored"] = serde_json::json!([unscored]);
    std::fs::write(folder.path().join("summary.json"), summary.to_string()).expect("written");
    std::fs::write(folder.path().join("config.json"), summary["config"].to_string()).expect("written");
    let lines = example::scoreboard(folder.path()).expect("a run");
    assert_eq!(lines[2], "  002 did-not-compile");
    assert_eq!(lines.len(), 4);
}

/// The docs show the function of the example, letter by letter.
#[test]
fn the_docs_have_this_example() {
    let (docs, example) = (include_str!("../src/lib.rs"), include_str!("../examples/scoreboard.rs"));
    let shown: String = docs
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let function =
        example.split("\n\n").find(|part| part.contains("pub fn scoreboard")).expect("the function");
    assert!(shown.contains(function), "{function}\nis not in\n{shown}");
}
