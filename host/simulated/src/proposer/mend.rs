//! Mends a source from rustc's diagnostics, and makes the slip that the first submission has.
//!
//! The mending knows nothing of the slips: it takes rustc's own suggestion where there is one, or else
//! what the error's code and place call for. What it cannot tell, it leaves to the caller.

/// A place that rustc points at.
#[derive(Debug, PartialEq)]
struct Place {
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
}

/// Slips of the kind that models make: each a piece of source, and what is written in its place.
const SLIPS: &[(&str, &str)] = &[
    ("model.complete(&request)?", "model.complete(request)?"),
    ("read_label(task, &reply.text)", "read_label(task, reply.text)"),
    ("const REPLY_TOKENS: u32", "const REPLY_TOKENS: usize"),
    ("let mut text = format!", "let text = format!"),
];

/// A source with one slip in it; unchanged if it has no place for one.
pub(crate) fn slipped(source: &str, seed: u64) -> String {
    let fitting: Vec<&(&str, &str)> = SLIPS.iter().filter(|(right, _)| source.contains(right)).collect();
    match fitting.get(usize::try_from(seed % fitting.len().max(1) as u64).unwrap_or_default()) {
        Some((right, wrong)) => source.replacen(right, wrong, 1),
        None => source.to_owned(),
    }
}

/// The code, such as `E0308`, and the line of the first error in rustc's text.
pub(crate) fn first_error(diagnostics: &str) -> Option<(String, usize)> {
    let error = error_blocks(diagnostics).next()?;
    Some((code(error), place(error)?.line))
}

/// The source with its first error mended. None if the diagnostics do not say how.
pub(crate) fn mended(source: &str, diagnostics: &str) -> Option<String> {
    let error = error_blocks(diagnostics).next()?;
    let mended =
        constant(source, error).or_else(|| suggested(source, error)).or_else(|| by_code(source, error))?;
    (mended != source).then_some(mended)
}

/// The pieces of rustc's text that start with `error`, each up to the next message.
fn error_blocks(diagnostics: &str) -> impl Iterator<Item = &str> {
    let starts = diagnostics.match_indices("error").filter(|(at, _)| {
        let at_line_start = *at == 0 || diagnostics[..*at].ends_with('\n');
        at_line_start && diagnostics[at + "error".len()..].starts_with(['[', ':'])
    });
    starts.map(|(at, _)| {
        let rest = &diagnostics[at..];
        let end = ["\nerror", "\nwarning"].iter().filter_map(|next| rest.find(next)).min();
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn code(error: &str) -> String {
    let code = error.strip_prefix("error[").and_then(|rest| rest.split(']').next());
    code.unwrap_or_default().to_owned()
}

/// ` --> harness.rs:12:5`
fn place(error: &str) -> Option<Place> {
    let (_, rest) = error.split_once("--> ")?;
    let mut numbers = rest.lines().next()?.trim().rsplit(':');
    let (column, line) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(Place { line, column })
}

/// A constant of the wrong type is declared with the right one, rather than converted where it is used.
fn constant(source: &str, error: &str) -> Option<String> {
    let (_, types) = error.split_once("expected `")?;
    let (expected, rest) = types.split_once("`, found `")?;
    let found = rest.split('`').next()?;
    let place = place(error)?;
    let line = source.lines().nth(place.line.checked_sub(1)?)?;
    let name: String = line
        .chars()
        .skip(place.column.checked_sub(1)?)
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let declared = format!("const {name}: {found} =");
    source.contains(&declared).then(|| source.replacen(&declared, &format!("const {name}: {expected} ="), 1))
}

/// Applies rustc's suggestion: the lines that it shows under the first `help:` which shows any.
fn suggested(source: &str, error: &str) -> Option<String> {
    error.match_indices("\nhelp: ").find_map(|(at, help)| {
        let rest = &error[at + help.len()..];
        let end = ["\nhelp: ", "\n\n"].iter().filter_map(|next| rest.find(next)).min();
        apply(source, &rest[..end.unwrap_or(rest.len())])
    })
}

/// A suggestion shows `12 + new line`, `12 - old` with `12 + new`, `12 ~ new`, or `12 | line` above a row of `+` or `~`.
fn apply(source: &str, help: &str) -> Option<String> {
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    let shown: Vec<&str> = help.lines().collect();
    let mut applied = false;
    for (at, row) in shown.iter().enumerate() {
        let Some((number, sign, text)) = shown_line(row) else { continue };
        let index = number.checked_sub(1)?;
        let replaces =
            at > 0 && shown_line(shown[at - 1]).is_some_and(|(old, sign, _)| old == number && sign == '-');
        match sign {
            '~' => *lines.get_mut(index)? = text.to_owned(),
            '+' if replaces => *lines.get_mut(index)? = text.to_owned(),
            '+' if index <= lines.len() => lines.insert(index, text.to_owned()),
            '|' if shown.get(at + 1).is_some_and(|next| marks_change(next)) => {
                *lines.get_mut(index)? = text.to_owned()
            }
            // What is to be replaced has to stand there, or the suggestion is about another source.
            '-' if lines.get(index).map(String::as_str) != Some(text) => return None,
            _ => continue,
        }
        applied = true;
    }
    applied.then(|| lines.join("\n") + "\n")
}

/// `12 | text`, also with `+`, `-` or `~` for the bar.
fn shown_line(row: &str) -> Option<(usize, char, &str)> {
    let row = row.trim_start();
    let digits = row.len() - row.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = row.split_at(digits);
    let rest = rest.strip_prefix(' ')?;
    let sign = rest.chars().next().filter(|sign| "|+-~".contains(*sign))?;
    let text = &rest[1..];
    Some((number.parse().ok()?, sign, text.strip_prefix(' ').unwrap_or(text)))
}

fn marks_change(row: &str) -> bool {
    row.trim_start().strip_prefix('|').is_some_and(|marks| {
        let marks = marks.trim();
        !marks.is_empty() && marks.chars().all(|mark| "+~ ".contains(mark))
    })
}

/// What the codes call for that are plain from the place alone.
fn by_code(source: &str, error: &str) -> Option<String> {
    let place = place(error)?;
    let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
    let line = lines.get_mut(place.line.checked_sub(1)?)?;
    let at = line.char_indices().nth(place.column.checked_sub(1)?).map(|(at, _)| at)?;
    match code(error).as_str() {
        "E0308" if error.contains("expected `&") => line.insert(at, '&'),
        "E0308" if error.contains("expected `String`, found `&str`") => {
            let length = error.lines().find_map(underlined)?;
            let end = line[at..].char_indices().nth(length).map_or(line.len(), |(end, _)| at + end);
            line.insert_str(end, ".to_owned()");
        }
        "E0596" | "E0384" => {
            let name = error.split('`').nth(1)?;
            let declaration =
                lines.iter_mut().take(place.line).rev().find(|line| line.contains(&format!("let {name}")))?;
            *declaration = declaration.replacen(&format!("let {name}"), &format!("let mut {name}"), 1);
        }
        "E0433" | "E0412" | "E0425" => {
            let path = known_path(error.split('`').nth(1)?)?;
            let first_use = lines.iter().position(|line| line.starts_with("use "))?;
            lines.insert(first_use, format!("use {path};"));
        }
        _ => return None,
    }
    Some(lines.join("\n") + "\n")
}

/// How many characters a row of `^` underlines.
fn underlined(row: &str) -> Option<usize> {
    let marks = row.trim_start().strip_prefix('|')?.trim_start();
    let length = marks.chars().take_while(|mark| *mark == '^').count();
    (length > 0).then_some(length)
}

/// Where the standard library keeps what harnesses use.
fn known_path(name: &str) -> Option<String> {
    let collections = ["BTreeMap", "BTreeSet", "HashMap", "HashSet", "VecDeque"];
    collections.contains(&name).then(|| format!("std::collections::{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
use mmh_sdk::prelude::*;

const REPLY_TOKENS: u32 = 64;

fn predict(task: &Task, input: &Input, model: &Model) -> Result<Answer> {
    let mut text = format!(\"{}\\n\", task.instructions);
    text += &format!(\"Text: {input}\\nLabel:\");
    let request = Request::new(text).max_tokens(REPLY_TOKENS);
    let reply = model.complete(&request)?;
    match read_label(task, &reply.text) {
        Some(label) => Ok(Answer::new(label)),
        None => bail!(\"the reply names no label: {}\", reply.text),
    }
}
";

    /// As rustc 1.95 prints it; `help` without its suggestion is what is left if that was cut off.
    const BORROW: &str = "\
error[E0308]: mismatched types
  --> harness.rs:9:32
   |
 9 |     let reply = model.complete(request)?;
   |                       -------- ^^^^^^^ expected `&Request`, found `Request`
   |                       |
   |                       arguments to this method are incorrect
   |
note: method defined here
  --> src/model.rs:40:12
   |
40 |     pub fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
   |            ^^^^^^^^
help: consider borrowing here
   |
 9 |     let reply = model.complete(&request)?;
   |                                +

error: aborting due to 1 previous error

For more information about this error, try `rustc --explain E0308`.
";
    const WRONG_TYPE: &str = "\
error[E0308]: mismatched types
  --> harness.rs:8:49
   |
 8 |     let request = Request::new(text).max_tokens(REPLY_TOKENS);
   |                                      ---------- ^^^^^^^^^^^^ expected `u32`, found `usize`
   |                                      |
   |                                      arguments to this method are incorrect
   |
help: you can convert a `usize` to a `u32` and panic if the converted value doesn't fit
   |
 8 |     let request = Request::new(text).max_tokens(REPLY_TOKENS.try_into().unwrap());
   |                                                             ++++++++++++++++++++
";
    const NOT_MUTABLE: &str = "\
error[E0596]: cannot borrow `text` as mutable, as it is not declared as mutable
  --> harness.rs:7:5
   |
 7 |     text += &format!(\"Text: {input}\\nLabel:\");
   |     ^^^^ cannot borrow as mutable
   |
help: consider changing this to be mutable
   |
 6 |     let mut text = format!(\"{}\\n\", task.instructions);
   |         +++
";

    fn without_help(diagnostics: &str) -> &str {
        diagnostics.split("help: ").next().unwrap()
    }

    #[test]
    fn mends_what_rustc_prints() {
        let borrow = ("model.complete(&request)?", "model.complete(request)?");
        let wrong_type = ("const REPLY_TOKENS: u32", "const REPLY_TOKENS: usize");
        let mutable = ("let mut text = format!", "let text = format!");
        let table = [
            ("a borrow, as suggested", borrow, BORROW),
            ("a borrow, by its code", borrow, without_help(BORROW)),
            ("a constant's type", wrong_type, WRONG_TYPE),
            ("a missing mut, as suggested", mutable, NOT_MUTABLE),
            ("a missing mut, by its code", mutable, without_help(NOT_MUTABLE)),
        ];
        for (name, (right, wrong), diagnostics) in table {
            let broken = SOURCE.replacen(right, wrong, 1);
            assert_ne!(broken, SOURCE, "{name}");
            assert_eq!(mended(&broken, diagnostics).as_deref(), Some(SOURCE), "{name}");
        }
        assert_eq!(first_error(BORROW), Some(("E0308".to_owned(), 9)));
    }

    #[test]
    fn adds_imports_where_rustc_says() {
        let source = "//! Doc.\n\nuse mmh_sdk::prelude::*;\n\nstruct A(BTreeMap<u8, u8>);\n";
        let expected = "//! Doc.\n\nuse std::collections::BTreeMap;\nuse mmh_sdk::prelude::*;\n\nstruct A(BTreeMap<u8, u8>);\n";
        let plain = "error[E0425]: cannot find type `BTreeMap` in this scope\n --> harness.rs:5:10\n  |\n5 | struct A(BTreeMap<u8, u8>);\n  |          ^^^^^^^^ not found in this scope\n  |\n";
        let help = format!(
            "{plain}help: consider importing this struct\n  |\n3 + use std::collections::BTreeMap;\n  |\n\nerror: aborting\n"
        );
        for diagnostics in [plain, &help] {
            assert_eq!(mended(source, diagnostics).as_deref(), Some(expected), "{diagnostics}");
        }
        let replaced = "error: x\n --> harness.rs:3:1\nhelp: a similar name exists\n  |\n3 - use mmh_sdk::prelude::*;\n3 + use mmh_sdk::other::*;\n";
        assert!(mended(source, replaced).unwrap().contains("other"));
    }

    #[test]
    fn what_it_cannot_tell_it_leaves() {
        let table = [
            ("nothing", ""),
            ("no place", "error[E0308]: mismatched types"),
            ("a place outside", "error[E0308]: mismatched types\n --> harness.rs:999:1\n expected `&str`"),
            ("a column outside", "error[E0308]: mismatched types\n --> harness.rs:1:999\n expected `&str`"),
            ("column 0", "error[E0308]: x\n --> harness.rs:1:0\n expected `u32`, found `u64`"),
            ("another code", "error[E0277]: x\n --> harness.rs:3:1"),
            ("about another source", "error: x\nhelp: y\n  |\n1 - fn other() {}\n1 + fn another() {}\n"),
            ("no diagnostics", "the tool is broken"),
        ];
        for (name, diagnostics) in table {
            assert_eq!(mended(SOURCE, diagnostics), None, "{name}");
        }
    }

    #[test]
    fn every_slip_changes_the_source() {
        let slips: std::collections::BTreeSet<String> =
            (0..SLIPS.len() as u64).map(|seed| slipped(SOURCE, seed)).collect();
        assert_eq!(slips.len(), SLIPS.len());
        assert!(!slips.contains(SOURCE));
        assert_eq!(slipped("fn main() {}", 3), "fn main() {}");
    }
}
