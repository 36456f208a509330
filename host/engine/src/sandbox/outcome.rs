//! How a call into a harness ended. Every ending has a type, and a message with the limit and the usage.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wasmtime::{Error, FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{LogLine, backtrace, engine::STACK_BYTES};
use mmh_record::{limits::Limits, outcome::OutcomeKind, text};

/// A stack with at least this many frames is deep. wasmtime keeps the innermost 20.
const DEEP_FRAMES: usize = 16;

/// How many of the last log lines a message repeats, and how many characters of each.
const LAST_LINES: usize = 3;
const LINE_CHARACTERS: usize = 200;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of ending, which is not `Ok`.
    pub kind: OutcomeKind,
    /// One line for people and for the proposer.
    pub message: String,
}

impl Failure {
    /// A failure of this kind. The message has to be fit for display: plain and capped.
    pub fn new(kind: OutcomeKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A call of `learn` that took more processor time than a whole evaluation may take.
    pub fn own_timeout(limits: &Limits) -> Self {
        let limit = limits.evaluation_ms as f64 / 1000.0;
        Self::new(
            OutcomeKind::Timeout,
            format!(
                "the call was stopped because the harness's own code took more than the {limit} s of a whole evaluation, waiting for models not counted; --evaluation-timeout-s is the limit"
            ),
        )
    }

    /// A call that reached its limit of wall-clock time.
    pub fn timeout(limits: &Limits) -> Self {
        let limit = limits.example_wall_ms as f64 / 1000.0;
        Self::new(
            OutcomeKind::Timeout,
            format!(
                "the call was stopped at its limit of {limit} s of wall clock (--example-timeout-s), which may differ from machine to machine"
            ),
        )
    }
}

/// What is known when a call has trapped.
pub struct Evidence<'a> {
    /// What was called: a harness or a scorer.
    pub guest: &'a str,
    pub limits: &'a Limits,
    pub refused_memory_bytes: Option<usize>,
    pub stderr: &'a str,
    /// What the call has logged.
    pub logs: &'a [LogLine],
}

/// Turns a trap, and what is known of it, into an ending.
pub fn classify(error: &Error, evidence: &Evidence<'_>) -> Failure {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Failure::new(OutcomeKind::Exit, exit_message(evidence.guest, exit.0));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return out_of_fuel(error, evidence),
        Some(Trap::StackOverflow) => return stack_overflow(),
        // A Rust guest keeps part of its stack at the start of its memory. Overflowing it is an access out of bounds.
        Some(Trap::MemoryOutOfBounds) if is_recursive(error) => return stack_overflow(),
        _ => {}
    }
    if let Some(message) = python_exception(evidence.stderr).or_else(|| panic_message(evidence.stderr)) {
        return out_of_memory(&message, evidence.refused_memory_bytes, evidence.limits)
            .unwrap_or_else(|| Failure::new(OutcomeKind::Panic, message));
    }
    if let Some(wanted) = evidence.refused_memory_bytes {
        return memory_limit(wanted, evidence.limits);
    }
    let reason = error.root_cause().to_string();
    if reason.contains("fuel allocated for hostcalls") {
        let message = "more was handed to the host in one call than the limits on prompts and states allow (--prompt-kib, --state-mib)";
        return Failure::new(OutcomeKind::OutputLimit, message);
    }
    Failure::new(OutcomeKind::Trap, text::capped(&text::one_line(&reason), 500))
}

fn memory_limit(wanted: usize, limits: &Limits) -> Failure {
    let (wanted, limit) = (text::bytes(wanted as u64), text::bytes(limits.memory_bytes));
    let message = format!("{wanted} of memory were wanted, the limit is {limit} (--memory-mib)");
    Failure::new(OutcomeKind::MemoryLimit, message)
}

/// The failure of a guest whose last words are that it has no memory, if memory was refused to it: so say the runtimes of
/// Python and JavaScript. A guest that got on without the memory and failed for another reason says something else.
pub fn out_of_memory(words: &str, refused_bytes: Option<usize>, limits: &Limits) -> Option<Failure> {
    let says_so = words == "out of memory"
        || words.rsplit(": ").next() == Some("MemoryError")
        || words.contains(": MemoryError: ");
    let failure = memory_limit(refused_bytes.filter(|_| says_so)?, limits);
    let words = text::ellipsis(&text::one_line(words), LINE_CHARACTERS);
    Some(Failure::new(failure.kind, format!("{}; its last words: {words}", failure.message)))
}

/// The usage, the limit, the place, and how far the harness says that it had come.
fn out_of_fuel(error: &Error, evidence: &Evidence<'_>) -> Failure {
    let limit = text::grouped(evidence.limits.fuel);
    let mut message = format!("the call used up its {limit} units of fuel (--fuel)");
    if let Some(place) = backtrace::place(&backtrace::frames(error)) {
        message += &format!(" {place}");
    }
    message += &last_lines(evidence.logs);
    Failure::new(OutcomeKind::OutOfFuel, message)
}

fn last_lines(logs: &[LogLine]) -> String {
    let last = &logs[logs.len().saturating_sub(LAST_LINES)..];
    let said = |line: &LogLine| {
        let message = text::ellipsis(&text::one_line(&line.message), LINE_CHARACTERS);
        format!("{}: {message}", line.level.name())
    };
    match last {
        [] => "; it had logged nothing".to_owned(),
        _ => format!("; it had logged last: {}", last.iter().map(said).collect::<Vec<_>>().join(" | ")),
    }
}

/// WASI tells whether a process ended well, and not its code: whatever code is not 0 arrives as 1.
fn exit_message(guest: &str, code: i32) -> String {
    match code {
        0 => format!("the {guest} ended its process with code 0, before it gave an answer"),
        _ => format!(
            "the {guest} ended its process as failed, with a code other than 0, which WASI does not tell"
        ),
    }
}

fn stack_overflow() -> Failure {
    let limit = text::bytes(STACK_BYTES as u64);
    Failure::new(
        OutcomeKind::StackOverflow,
        format!("the calls nested deeper than {limit} of stack, which no option changes"),
    )
}

/// Whether the stack at a trap is deep and has only a few different functions.
fn is_recursive(error: &Error) -> bool {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return false };
    let functions: HashSet<u32> = backtrace.frames().iter().map(FrameInfo::func_index).collect();
    backtrace.frames().len() >= DEEP_FRAMES && functions.len() <= DEEP_FRAMES / 4
}

/// How Python's runtime says that an exception has left a function of the harness. The traceback stands before it.
const LEFT_PYTHON: &str = "Python function threw an unexpected exception";

/// The folder of the author's files, as Python's runtime has it.
const PYTHON_FILES: &str = "File \"/0/";

/// The exception that ended a harness in Python, with the innermost line of its source: `harness.py:5: ValueError: no`.
fn python_exception(stderr: &str) -> Option<String> {
    let before = &stderr[..stderr.rfind(LEFT_PYTHON)?];
    let traceback =
        &before[before.rfind("Traceback (most recent call last):\n")?..before.rfind("\nthread '")?];
    let is_error = |line: &&str| !line.trim().is_empty() && !line.starts_with(' ');
    // Without memory, Python cannot print the exception, and tells of its object instead.
    let object = traceback.lines().find_map(|line| line.strip_prefix("object type name: "));
    let error = object.or_else(|| traceback.lines().rfind(is_error))?;
    let place = traceback.rsplit_once(PYTHON_FILES).and_then(|(_, place)| {
        let (file, line) = place.lines().next()?.split_once("\", line ")?;
        let line: u32 = line.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()?;
        Some(format!("{file}:{line}: "))
    });
    let message = format!("{}{error}", place.unwrap_or_default());
    Some(text::capped(&text::plain(&message), 2000))
}

/// The last panic that Rust's standard library reported: `harness.rs:12:5: text`.
fn panic_message(stderr: &str) -> Option<String> {
    let report = &stderr[stderr.rfind(" panicked at ")? + " panicked at ".len()..];
    let (place, rest) = report.split_once('\n').unwrap_or((report, ""));
    let words: Vec<&str> = rest.lines().take_while(|line| !line.starts_with("note: ")).collect();
    let place = place.trim_end_matches(':').trim_start_matches('/');
    let message = format!("panicked at {place}: {}", words.join("\n").trim_end());
    Some(text::capped(&text::plain(&message), 2000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_of_python_is_named_with_its_line() {
        let end = "\nthread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nPython function threw an unexpected exception\nnote: x\n";
        let begin = "Traceback (most recent call last):\n";
        let own =
            "  File \"/0/harness.py\", line 9, in predict\n  File \"/0/harness.py\", line 5, in inner\n";
        // name, standard error, the message
        let table = [
            (
                "an exception",
                format!("{begin}{own}ValueError: no\n{end}"),
                Some("harness.py:5: ValueError: no"),
            ),
            (
                "in the library",
                format!(
                    "said\n{begin}{own}  File \"/python/json/__init__.py\", line 1, in loads\nJSONDecodeError: x\n{end}"
                ),
                Some("harness.py:5: JSONDecodeError: x"),
            ),
            (
                "no memory for its words",
                format!(
                    "{begin}{own}object type name: MemoryError\nobject repr     : MemoryError()\nlost sys.stderr\n{end}"
                ),
                Some("harness.py:5: MemoryError"),
            ),
            ("no place", format!("{begin}MemoryError\n{end}"), Some("MemoryError")),
            ("no traceback", end.to_owned(), None),
            ("a panic of Rust", "thread 'main' panicked at harness.rs:3:9:\nboom\n".to_owned(), None),
        ];
        for (name, stderr, expected) in table {
            assert_eq!(python_exception(&stderr).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn only_who_says_so_has_run_out_of_memory() {
        let limits = Limits::default();
        // the last words, what was refused, whether memory ran out
        let table = [
            ("out of memory", Some(300 << 20), true),
            ("harness.py:5: MemoryError", Some(300 << 20), true),
            ("harness.py:5: MemoryError: no room", Some(300 << 20), true),
            ("MemoryError", Some(300 << 20), true),
            ("out of memory", None, false),
            ("harness.py:5: MemoryError", None, false),
            ("harness.py:5: ValueError: no", Some(300 << 20), false),
            ("panicked at harness.rs:3:9: index out of bounds", Some(300 << 20), false),
            ("the reply names no label: out of memory", Some(300 << 20), false),
        ];
        for (words, refused, expected) in table {
            let found = out_of_memory(words, refused, &limits);
            let parts = found.map(|failure| (failure.kind, failure.message.ends_with(words)));
            assert_eq!(parts, expected.then_some((OutcomeKind::MemoryLimit, true)), "{words}");
        }
    }

    #[test]
    fn finds_the_panic() {
        let table = [
            ("none", "all is well", None),
            (
                "plain",
                "\nthread 'main' (1) panicked at harness.rs:3:9:\nindex out of bounds\nnote: run with x\n",
                Some("panicked at harness.rs:3:9: index out of bounds"),
            ),
            (
                "remapped",
                "thread '<unnamed>' panicked at /harness.rs:3:9:\nboom\n",
                Some("panicked at harness.rs:3:9: boom"),
            ),
            ("cut off", "thread 'main' panicked at harness.rs:3:9:", Some("panicked at harness.rs:3:9: ")),
        ];
        for (name, stderr, expected) in table {
            assert_eq!(panic_message(stderr).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_last_log_lines_are_repeated() {
        let line = |message: &str| LogLine { level: crate::sandbox::LogLevel::Info, message: message.into() };
        let long = "x".repeat(1_000);
        // name, lines, what is said, what is not
        let table = [
            ("none", vec![], "it had logged nothing", "last"),
            ("two", vec!["a", "b"], "last: info: a | info: b", "nothing"),
            ("many", vec!["a", "b", "c", "d"], "last: info: b | info: c | info: d", "info: a"),
            ("a long one of two lines", vec!["y\nz", &long], "info: y z | info: xxx", &long),
        ];
        for (name, lines, says, says_not) in table {
            let said = last_lines(&lines.into_iter().map(line).collect::<Vec<_>>());
            assert!(said.contains(says) && !said.contains(says_not), "{name}: {said}");
        }
    }
}
