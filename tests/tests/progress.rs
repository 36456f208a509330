//! Progress on standard error: drawn in a terminal, plain lines elsewhere, colours only where one wants them.

use std::{path::Path, process::Command};

use mmh_tests::cache_dir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");
const ARGS: &str = "run --mock --iterations 1 --eval-size 40 --concurrency 1 --no-test --run-id a";

fn ended(command: &mut Command, folder: &Path) -> (String, String) {
    let command = command.current_dir(folder).env("MMH_CACHE_DIR", cache_dir()).env_remove("MMH_LOG");
    let output = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{out}{err}");
    (out, err)
}

/// Colours: `ESC [ ... m`.
fn colors(text: &str) -> usize {
    let sequences = text.split("\u{1b}[").skip(1);
    sequences
        .filter(|rest| rest.trim_start_matches(|it: char| it.is_ascii_digit() || it == ';').starts_with('m'))
        .count()
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, err) = ended(Command::new(PROGRAM).args(ARGS.split(' ')), folder.path());
    let lines: Vec<&str> = err.lines().collect();
    for line in ["000 learning and evaluating", "001 proposing", "001 turn 1: scoreboard, read_sdk"] {
        assert!(lines.contains(&line), "{line:?} is not in {err}");
    }
    for part in
        ["000 val 40/40 accuracy ", "], simulated", "1 of 2 iterations ▄, best 000 ", "2 of 2 iterations "]
    {
        assert!(err.contains(part), "{part:?} is not in {err}");
    }
    assert!(!(out + &err).contains(['\r', '\u{1b}']), "{err}");
}

#[test]
fn in_a_terminal_it_is_drawn() {
    for (no_color, colored) in [("", true), ("1", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &format!("{PROGRAM} {ARGS}"), "/dev/null"]);
        let command = command.env("TERM", "xterm").env("NO_COLOR", no_color).env_remove("COLUMNS");
        let (shown, _) = ended(command, folder.path());
        for part in
            ["000 val [", "001 proposed in ", "001 val 40/40 accuracy ", "1 of 2 iterations ▄, best 000 "]
        {
            assert!(shown.contains(part), "{part:?} is not in {shown:?}");
        }
        assert!(!shown.contains("001 turn 1: "), "turns are not kept: {shown:?}");
        assert_eq!(colors(&shown) > 0, colored, "NO_COLOR={no_color}: {shown:?}");
    }
}
