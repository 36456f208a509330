//! What several commands show of examples, prompts and sources, as text. What comes from models and data
//! sets is indented, so that none of it can pass for something that this program says.

use std::fmt::Write;

use mmh_engine::sandbox::Frame;
use mmh_record::{
    chat::StopReason,
    format::{CallRow, ScorerTrace, TraceRow},
    layout,
    limits::Limits,
    text,
};
use mmh_search::inspect::{
    component::ImportChange,
    diff::answer,
    looked::Traced,
    rerun::{Again, Standing, Unrecorded},
};

/// Names of a row of foreign frames that are shown.
const FOREIGN_FRAMES: usize = 4;

// Writing into a string cannot fail, so the results of `writeln!` are dropped throughout.

/// Lines of a prompt or a reply that are shown where long ones are cut, and bytes of them.
const SHOWN_LINES: usize = 40;
const SHOWN_BYTES: usize = 8 << 10;

/// How much is shown of prompts and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// All of them.
    Whole,
    /// Beginning and end of long ones.
    Cut,
}

impl Texts {
    /// As much of a text as is shown.
    fn of(self, text: &str) -> String {
        if self == Self::Whole {
            return text.to_owned();
        }
        let text = text::middle_cut(text, SHOWN_BYTES);
        let lines: Vec<&str> = text.lines().collect();
        // A note in the place of one line would gain nothing.
        if lines.len() <= SHOWN_LINES + 1 {
            return text;
        }
        let (head, tail) = (&lines[..SHOWN_LINES / 2], &lines[lines.len() - SHOWN_LINES / 2..]);
        let more = lines.len() - SHOWN_LINES;
        format!("{}\n[{more} more lines; --show with --json has them]\n{}", head.join("\n"), tail.join("\n"))
    }
}

/// One example: what went in, what came out, and everything between.
pub fn example(row: &TraceRow, calls: &[CallRow], limits: &Limits, texts: Texts) -> String {
    let mut out = String::new();
    block(&mut out, "input", &row.input);
    for field in &row.fields {
        block(&mut out, &format!("field {}", text::one_line(&field.name)), &field.value);
    }
    let right = if row.correct { "right" } else { "wrong" };
    let _ = writeln!(out, "gold        {}", text::one_line(&row.gold_label));
    let _ = match &row.predicted_label {
        Some(label) => writeln!(out, "prediction  {} ({right})", text::one_line(label)),
        None => writeln!(out, "prediction  none"),
    };
    let error = row.error.as_deref().map(|error| format!(": {}", text::one_line(error))).unwrap_or_default();
    let _ = writeln!(out, "outcome     {}{error}", row.error_kind.name());
    let _ = writeln!(out, "calls       {} of {} at most", row.model_calls, limits.model_calls);
    let _ = writeln!(out, "fuel        {} of {}", text::grouped(row.fuel), text::grouped(limits.fuel));
    let (peak, limit) = (text::bytes(row.peak_memory_bytes), text::bytes(limits.memory_bytes));
    let _ = writeln!(out, "memory      {peak} of {limit}");
    calls.iter().for_each(|call| self::call(&mut out, call, texts));
    for (name, said) in
        [("log", &row.log_lines().join("\n")), ("stdout", &row.stdout), ("stderr", &row.stderr)]
    {
        if !said.is_empty() {
            out.push('\n');
            block(&mut out, name, said);
        }
    }
    if let Some(trace) = &row.scorer {
        scorer(&mut out, row, trace);
    }
    out
}

/// What the task's own scorer made of the answer.
fn scorer(out: &mut String, row: &TraceRow, trace: &ScorerTrace) {
    let error =
        trace.error.as_deref().map(|error| format!(": {}", text::one_line(error))).unwrap_or_default();
    let _ = writeln!(out, "\nscorer      {}{error}", trace.error_kind.name());
    let parts = row.parts.iter().map(|(name, value)| format!(", {} {value}", text::one_line(name)));
    let _ = writeln!(out, "score       {}{}", row.grade().score, parts.collect::<String>());
    let (fuel, calls) = (text::grouped(trace.fuel), trace.model_calls);
    let _ = writeln!(out, "it took     {fuel} fuel, {calls} calls");
    let texts =
        [("log", &trace.log_lines().join("\n")), ("stdout", &trace.stdout), ("stderr", &trace.stderr)];
    for (name, said) in texts.into_iter().filter(|(_, said)| !said.is_empty()) {
        block(out, &format!("{name} of the scorer"), said);
    }
}

fn call(out: &mut String, call: &CallRow, texts: Texts) {
    let request = &call.request;
    let temperature = request.temperature.map(|it| format!(", temperature {it}")).unwrap_or_default();
    let stop = if request.stop.is_empty() { String::new() } else { format!(", stops at {:?}", request.stop) };
    let heading =
        format!("call {}, prompt: at most {} tokens{temperature}{stop}", call.call, request.max_tokens);
    out.push('\n');
    block(out, &heading, &texts.of(&request.prompt_text()));
    match (&call.reply, &call.error) {
        (Some(reply), _) => {
            let cached = if call.cached { ", kept from before" } else { "" };
            let (tokens, stop) = (call.usage.output_tokens, ended_by(&reply.stop_reason));
            let heading = format!("call {}, reply: {tokens} tokens, {stop}{cached}", call.call);
            block(out, &heading, &texts.of(&reply.text()));
        }
        (None, error) => {
            let error = error.as_deref().unwrap_or("no reply is recorded");
            block(out, &format!("call {}, error", call.call), error);
        }
    }
}

/// Why a reply ended.
fn ended_by(reason: &StopReason) -> String {
    match reason {
        StopReason::EndTurn => "complete".into(),
        StopReason::MaxTokens => "cut at its most tokens".into(),
        StopReason::StopSequence => "ended by a stop text".into(),
        other => text::one_line(&format!("stop reason {other:?}")),
    }
}

/// A heading, and a text below it.
fn block(out: &mut String, heading: &str, said: &str) {
    let _ = writeln!(out, "{heading}");
    for line in text::plain(said).lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
}

/// One example in a line. `fuel` is a width.
pub fn line(again: &Again) -> String {
    let (recorded, found) = (&again.recorded, &again.found);
    let said = match again.standing {
        Standing::Same | Standing::ByTheClock => answer(found),
        _ if answer(recorded) == answer(found) => answer(found),
        _ => format!("{} -> {}", answer(recorded), answer(found)),
    };
    let right = match (again.standing, found.correct) {
        (Standing::Unknown, _) => "-",
        (_, true) => "right",
        (_, false) => "wrong",
    };
    let mut line = format!(
        "{:<12} {:<12} {right:<6} {:<40} {:>14} fuel",
        text::one_line(&found.example_id),
        again.standing.name(),
        text::ellipsis(&text::one_line(&said), 40),
        text::grouped(found.fuel),
    );
    if !again.unrecorded.is_empty() {
        let _ = write!(line, ", {} not recorded", prompts(again.unrecorded.len()));
    }
    line
}

/// `1 prompt`, `2 prompts`.
pub fn prompts(count: usize) -> String {
    format!("{count} prompt{}", if count == 1 { "" } else { "s" })
}

/// A prompt that is not recorded, and how it differs.
pub fn unrecorded(whose: &str, prompt: &Unrecorded) -> String {
    let mut out = String::new();
    match &prompt.diff {
        Some(diff) => {
            let heading =
                format!("{}: not recorded; against the closest recorded prompt:", text::one_line(whose));
            block(&mut out, &heading, diff);
        }
        None => {
            let heading = format!("{}: not recorded, and no other prompt is:", text::one_line(whose));
            block(&mut out, &heading, &text::capped(&prompt.prompt, 1000));
        }
    }
    out
}

/// Where it trapped. Frames of the harness are whole, those of the SDK and of Rust's library in a row.
pub fn backtrace(traced: &Traced) -> String {
    let mut out = String::from("backtrace, innermost first\n");
    let (mut foreign, mut frames) = (Vec::new(), traced.frames.iter().peekable());
    while let Some(frame) = frames.next() {
        let Some(place) = place(frame) else {
            foreign.push(frame);
            continue;
        };
        row(&mut out, &mut foreign);
        let mut times = 1;
        while frames.next_if_eq(&frame).is_some() {
            times += 1;
        }
        let times = if times > 1 { format!(", {times} times") } else { String::new() };
        let _ = writeln!(out, "    {place} in {}{times}", text::one_line(&frame.function));
    }
    row(&mut out, &mut foreign);
    out
}

/// A place in the harness's own source. Of a few instructions the compiler does not say the line.
fn place(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref().unwrap_or_default().trim_start_matches('/');
    let name = layout::SOURCE;
    let own = frame.function.trim_start_matches('<').starts_with("harness::");
    match (frame.line, frame.column) {
        (Some(line), column) if file == name => Some(format!("{name}:{line}:{}", column.unwrap_or(0))),
        (None, _) if file == name || own => Some(format!("{name}, line unknown,")),
        _ => None,
    }
}

/// Frames that are not the harness's own, in a line.
fn row(out: &mut String, frames: &mut Vec<&Frame>) {
    if frames.is_empty() {
        return;
    }
    let name = |frame: &&Frame| short(&text::one_line(&frame.function));
    let mut names: Vec<String> = frames.iter().map(name).collect();
    names.dedup();
    let more = names.len().saturating_sub(FOREIGN_FRAMES);
    names.truncate(FOREIGN_FRAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let _ = writeln!(out, "    ({}{more})", names.join(", "));
    frames.clear();
}

/// The last two parts of a path, without type parameters.
pub fn short(function: &str) -> String {
    let (mut depth, mut plain) = (0usize, String::new());
    for character in function.chars() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    let plain = if plain.trim_matches(':').is_empty() { function.to_owned() } else { plain };
    let parts: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    parts[parts.len().saturating_sub(2)..].join("::")
}

/// A change of imports, a line each; `indent` stands before each.
pub fn imports(change: &ImportChange, indent: &str) -> String {
    let mut out = String::new();
    let lines = [("+", &change.added), ("-", &change.removed)];
    for (mark, names) in lines {
        names.iter().for_each(|name| {
            let _ = writeln!(out, "{indent}{mark} {}", text::one_line(name));
        });
    }
    out
}

/// A unified diff, in colour where that is wanted.
pub fn source_diff(diff: &str, colors: bool) -> String {
    let plain = text::plain(diff);
    if !colors {
        return plain;
    }
    let mut out = String::new();
    for line in plain.lines() {
        let color = match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => "1",
            Some(b'+') => "32",
            Some(b'-') => "31",
            Some(b'@') => "36",
            _ => "0",
        };
        let _ = writeln!(out, "\u{1b}[{color}m{line}\u{1b}[0m");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_in_the_middle() {
        let lines = |count: usize| (0..count).map(|at| format!("line {at}")).collect::<Vec<_>>().join("\n");
        let long = "x".repeat(20_000);
        // name, the text, how many lines are shown, a part of them
        let table = [
            ("short", lines(3), 3, "line 2"),
            ("as many as fit", lines(41), 41, "line 20"),
            ("many lines", lines(61), 41, "line 19\n[21 more lines; --show with --json has them]\nline 41"),
            ("one long line", long.clone(), 3, "[cut: 11808 bytes left out]"),
        ];
        for (name, text, count, part) in table {
            let shown = Texts::Cut.of(&text);
            assert_eq!(shown.lines().count(), count, "{name}");
            assert!(shown.contains(part), "{name}: {shown}");
            assert_eq!(Texts::Whole.of(&text), text, "{name}");
        }
    }

    #[test]
    fn foreign_frames_are_short() {
        let table = [
            ("core::panicking::panic_bounds_check", "panicking::panic_bounds_check"),
            ("<harness::Guest as mmh_sdk::glue::Run>::predict", "predict"),
            ("alloc::vec::Vec<T>::push", "Vec::push"),
            ("main", "main"),
            ("<a>", "<a>"),
        ];
        for (function, expected) in table {
            assert_eq!(short(function), expected, "{function}");
        }
    }
}
