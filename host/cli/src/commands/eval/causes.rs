//! Why examples failed, each cause once. Where a language's runtime only says that it panicked or trapped, the exception that
//! the author knows is the last line of the traceback on standard error.

use std::collections::BTreeMap;

use mmh_record::{format::TraceRow, text};

/// Causes that are named for each kind of outcome.
const NAMED: usize = 4;

/// Most characters of a cause.
const SHOWN_CHARS: usize = 200;

/// What a Python traceback begins with.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// The failures of one kind, a line for each exception, or for the first failure where there is no exception.
pub fn lines(kind: &str, rows: &[TraceRow]) -> String {
    let mut causes: BTreeMap<String, (usize, &TraceRow)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.error_kind.name() == kind) {
        causes.entry(exception(row).unwrap_or_default()).or_insert((0, row)).0 += 1;
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let mut out = String::new();
    for (exception, (count, first)) in causes.iter().take(NAMED) {
        let (heading, message) = match exception.as_str() {
            "" => (", first", first.error.as_deref().unwrap_or_default()),
            exception => ("", exception),
        };
        let message = text::ellipsis(&text::one_line(message), SHOWN_CHARS);
        out += &format!("{count} x {kind}{heading}: {message}\n");
    }
    let left: usize = causes.iter().skip(NAMED).map(|(_, (count, _))| count).sum();
    if left > 0 {
        out += &format!("{left} x {kind} for other reasons\n");
    }
    out
}

/// The exception that ended an example, and its innermost line, where a runtime wrote them down.
fn exception(row: &TraceRow) -> Option<String> {
    if row.predicted_label.is_some() {
        return None;
    }
    if let Some(message) = row.error.as_deref().and_then(not_handed_over) {
        return Some(message);
    }
    let (_, traceback) = row.stderr.rsplit_once(TRACEBACK)?;
    let lines = || traceback.lines().skip(1);
    let said = lines().find(|line| !line.is_empty() && !line.starts_with(' '))?;
    let before = lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    match before.filter_map(place).last() {
        Some(place) => Some(format!("{said} ({place})")),
        None => Some(said.to_owned()),
    }
}

/// `harness.py:37 in predict`, of a traceback's line `  File "/0/harness.py", line 37, in predict`.
fn place(line: &str) -> Option<String> {
    let (file, rest) = line.trim().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, "the module"));
    let file = file.rsplit('/').next().unwrap_or(file);
    Some(format!("{file}:{number} in {function}"))
}

/// The exception in `... value: TypeError("'str' object ..."), traceback: None }`: what the Python runtime could not hand over.
fn not_handed_over(message: &str) -> Option<String> {
    let (_, value) = message.split_once("PyErr { type: ")?.1.split_once("value: ")?;
    let (class, words) = value.rsplit_once(", traceback: ")?.0.split_once('(')?;
    let words = words.strip_suffix(')').unwrap_or(words).trim_matches('"');
    let hint = match words.contains("'Error_") {
        true => "; an error of the model was not caught: `except Err`, and raise `Err(str)`",
        false => "; predict returns an Answer, learn bytes, and Err holds a str",
    };
    Some(format!("{class}: {words}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(kind: &str, error: &str, stderr: &str) -> TraceRow {
        let row = json!({
            "example_id": "val-0000", "model": "m", "input": "x", "gold_label": "rain", "predicted_label": null,
            "correct": false, "latency_ms": 0.0, "input_tokens": 0, "output_tokens": 0, "error": error,
            "error_kind": kind, "fuel": 1, "peak_memory_bytes": 0, "model_calls": 0, "prompt_bytes": 0, "logs": [],
            "stderr": stderr,
        });
        serde_json::from_value(row).expect("a row")
    }

    #[test]
    fn failures_are_told_by_their_cause() {
        const PANIC: &str =
            "panicked at runtime/src/lib.rs:1293:29: Python function threw an unexpected exception";
        const UNWRAP: &str = "panicked at runtime/src/lib.rs:1494:89: called `Result::unwrap()` on an `Err` value: PyErr { type: \
                              <class 'TypeError'>, value: TypeError(\"'Error_CallLimit' object is not an instance of 'str'\"), \
                              traceback: None }";
        let traceback = |said: &str| {
            format!(
                "{TRACEBACK}\n  File \"/0/harness.py\", line 37, in predict\n  File \"/0/more.py\", line 4, in f\n{said}\n\n\
                 thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nnote: run with `RUST_BACKTRACE=1`\n"
            )
        };
        let value = |said: &str| row("panic", PANIC, &traceback(said));
        // the rows, and what is said of panics
        let table = [
            (
                vec![row("panic", "panicked at a.rs:1:1: boom", "")],
                "1 x panic, first: panicked at a.rs:1:1: boom\n",
            ),
            (
                vec![value("KeyError: 'b'"), value("ValueError: a"), value("ValueError: a")],
                "2 x panic: ValueError: a (more.py:4 in f)\n1 x panic: KeyError: 'b' (more.py:4 in f)\n",
            ),
            (
                vec![row("panic", UNWRAP, "thread panicked")],
                "1 x panic: TypeError: 'Error_CallLimit' object is not an instance of 'str'; an error of the model was not \
                 caught: `except Err`, and raise `Err(str)`\n",
            ),
            (vec![row("trap", "wasm trap", "")], ""),
        ];
        for (rows, said) in table {
            assert_eq!(lines("panic", &rows), said);
        }
        let many: Vec<TraceRow> = (0..6).map(|at| value(&format!("ValueError: {at}"))).collect();
        assert!(
            lines("panic", &many).ends_with("2 x panic for other reasons\n"),
            "{}",
            lines("panic", &many)
        );
    }
}
