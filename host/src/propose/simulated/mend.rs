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
    let mended = suggested(source, error).or_else(|| by_code(source, error))?;
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
        let replaces = at > 0 && shown_line(shown[at - 1]).is_some_and(|(old, sign, _)| old == number && sign == '-');
        match sign {
            '~' => *lines.get_mut(index)? = text.to_owned(),
            '+' if replaces => *lines.get_mut(index)? = text.to_owned(),
            '+' if index <= lines.len() => lines.insert(index, text.to_owned()),
            '|' if shown.get(at + 1).is_some_and(|next| marks_change(next)) => *lines.get_mut(index)? = text.to_owned(),
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
            let declaration = lines.iter_mut().take(place.line).rev().find(|line| line.contains(&format!("let {name}")))?;
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
