//! Cuts a message into the pieces that prompts are made of: list items, `Text:` and `Label:` fields,
//! JSON objects, `input => label` pairs, prose.
//!
//! Purely about shape: which list holds the answers and which input is the question is decided in `prompt`.

use serde_json::{Map, Value};

/// A piece of a message, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// `- x`, `* x` or `1. x`.
    Item(String),
    /// `Text: x`, `Patient: x`, `<input>x</input>`; an input may go on over several lines.
    Input(String),
    /// `Label: x`, `Diagnosis: x`; empty when it is left open for the model.
    Label {
        key: String,
        value: String,
    },
    Json(Map<String, Value>),
    /// A JSON array of texts.
    Texts(Vec<String>),
    /// `x => y` or `x -> y`.
    Pair(String, String),
    Prose(String),
    Blank,
}

const INPUT_KEYS: &[&str] = &[
    "text",
    "input",
    "patient",
    "q",
    "question",
    "query",
    "message",
    "ticket",
    "review",
    "sentence",
    "symptoms",
    "description",
    "case",
    "document",
    "email",
    "utterance",
    "report",
    "content",
    "complaint",
    "statement",
    "user",
    "request",
    "comment",
    "tweet",
    "note",
    "passage",
];
const LABEL_KEYS: &[&str] = &[
    "label",
    "answer",
    "diagnosis",
    "a",
    "output",
    "category",
    "class",
    "intent",
    "prediction",
    "response",
    "target",
    "sentiment",
    "topic",
    "condition",
    "disease",
    "gold",
    "verdict",
    "assistant",
    "decision",
];

/// Longer keys than this are sentences that happen to hold a colon.
const MAX_KEY_WORDS: usize = 4;
const MAX_KEY_BYTES: usize = 40;

/// Whether a key such as `Patient text` names an input.
pub(crate) fn is_input_key(key: &str) -> bool {
    last_word(key).is_some_and(|word| INPUT_KEYS.contains(&word.as_str()))
}

/// Whether a key such as `Final answer` names a label.
pub(crate) fn is_label_key(key: &str) -> bool {
    last_word(key).is_some_and(|word| LABEL_KEYS.contains(&word.as_str()))
}

fn last_word(key: &str) -> Option<String> {
    if key.len() > MAX_KEY_BYTES {
        return None;
    }
    let words =
        key.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().any(char::is_alphabetic));
    let words: Vec<&str> = words.collect();
    if words.is_empty() || words.len() > MAX_KEY_WORDS {
        None
    } else {
        words.last().map(|word| word.to_lowercase())
    }
}

/// Whether a line tells the model how to answer, rather than being something to classify.
pub(crate) fn is_instruction(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "answer",
        "answers",
        "reply",
        "respond",
        "label",
        "labels",
        "classify",
        "output",
        "json",
        "choose",
        "return",
        "think",
        "exactly",
        "categories",
        "explain",
        "reasoning",
        "step",
    ];
    line.split(|c: char| !c.is_alphanumeric())
        .any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Cuts a message into its parts.
pub(crate) fn parts(message: &str) -> Vec<Part> {
    let message = untagged(message);
    let mut parts = Vec::new();
    let mut lines = message.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if let Some((key, first)) = field(line) {
            if is_label_key(key) {
                parts.push(Part::Label { key: key.to_owned(), value: label_value(first, &mut lines) });
            } else {
                push_input(&mut parts, first, &mut lines);
            }
        } else {
            parts.push(simple_part(line));
        }
    }
    parts
}

type Lines<'a> = std::iter::Peekable<std::str::Lines<'a>>;

/// `Key: value`, where the key is one of those known, whatever marks stand around it.
fn field(line: &str) -> Option<(&str, &str)> {
    let body = line.trim_start_matches(['#', '*', '>', '-', ' ']);
    let (key, value) = body.split_once(':')?;
    let key = key.trim_matches(['*', ' ', '_']);
    let plain = !key.contains(['{', '[', '"', '<']);
    (plain && (is_input_key(key) || is_label_key(key))).then(|| (key, value.trim_start_matches("**").trim()))
}

fn label_value(first: &str, lines: &mut Lines) -> String {
    if first.is_empty()
        && let Some(next) = lines.peek().map(|line| line.trim())
        && !next.is_empty()
        && field(next).is_none()
        && !is_instruction(next)
    {
        lines.next();
        return next.to_owned();
    }
    first.to_owned()
}

/// Reads an input over its lines. It ends at a field, a list or a blank line; but what follows a blank
/// line still belongs to it if a label comes next and it is no instruction.
fn push_input(parts: &mut Vec<Part>, first: &str, lines: &mut Lines) {
    if let Some((text, key, label)) = labelled_line(first) {
        parts.extend([
            Part::Input(unquoted(text)),
            Part::Label { key: key.to_owned(), value: label.to_owned() },
        ]);
        return;
    }
    let mut text = first.trim_start_matches("\"\"\"").to_owned();
    let quoted = first.starts_with("\"\"\"") && !text.trim_end().ends_with("\"\"\"");
    let (mut later, mut told) = (String::new(), Vec::new());
    let mut after_blank = false;
    while let Some(line) = lines.peek().map(|line| line.trim()) {
        if !quoted && (field(line).is_some() || matches!(simple_part(line), Part::Item(_) | Part::Json(_))) {
            break;
        }
        if line.is_empty() && !text.is_empty() && !quoted {
            after_blank = true;
        } else if after_blank && is_instruction(line) {
            told.push(Part::Prose(line.to_owned()));
        } else {
            let into = if after_blank { &mut later } else { &mut text };
            into.push('\n');
            into.push_str(line);
        }
        lines.next();
        if quoted && line.ends_with("\"\"\"") {
            break;
        }
    }
    let label_follows =
        lines.peek().and_then(|line| field(line.trim())).is_some_and(|(key, _)| is_label_key(key));
    if label_follows {
        text.push_str(&later);
        later.clear();
    }
    parts.push(Part::Input(unquoted(text.trim().trim_end_matches("\"\"\""))));
    parts.extend(later.trim().lines().flat_map(|line| [Part::Blank, Part::Prose(line.to_owned())]));
    parts.extend(told);
}

/// `Text: x | Label: y` on one line.
fn labelled_line(text: &str) -> Option<(&str, &str, &str)> {
    let (text, rest) = text.rsplit_once(" | ")?;
    let (key, label) = field(rest.trim())?;
    is_label_key(key).then_some((text, key, label))
}

fn simple_part(line: &str) -> Part {
    if line.is_empty() || line.starts_with("```") {
        return Part::Blank;
    }
    if line.starts_with('{')
        && let Ok(Value::Object(object)) = serde_json::from_str(line.trim_end_matches(','))
    {
        return Part::Json(object);
    }
    if let Some(texts) = array_in(line) {
        return Part::Texts(texts);
    }
    if let Some(item) = item(line) {
        return pair(item).unwrap_or_else(|| Part::Item(unquoted(item)));
    }
    pair(line).unwrap_or_else(|| Part::Prose(line.to_owned()))
}

/// What follows a bullet or a number.
fn item(line: &str) -> Option<&str> {
    let bullets = ["- ", "* ", "\u{2022} ", "+ "];
    if let Some(rest) = bullets.iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(rest.trim());
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = (1..=3).contains(&digits).then(|| &line[digits..])?;
    rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")).map(str::trim)
}

fn pair(line: &str) -> Option<Part> {
    let (left, right) = [" => ", " -> ", " \u{2192} "].iter().find_map(|arrow| line.rsplit_once(arrow))?;
    let short = right.split_whitespace().count() <= 8;
    short.then(|| Part::Pair(unquoted(left), unquoted(right)))
}

fn array_in(line: &str) -> Option<Vec<String>> {
    let (start, end) = (line.find("[\"")?, line.rfind(']')?);
    serde_json::from_str(line.get(start..=end)?).ok()
}

/// A text without the quotes around it, if it has them on both sides.
pub(crate) fn unquoted(text: &str) -> String {
    let text = text.trim();
    let quotes = [('"', '"'), ('`', '`'), ('\u{201c}', '\u{201d}')];
    let inner = quotes.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    inner.unwrap_or(text).trim().to_owned()
}

/// Turns `<text>x</text>` into `text: x` on a line of its own, for tags that are known keys.
fn untagged(message: &str) -> String {
    if !message.contains("</") {
        return message.to_owned();
    }
    let mut out = String::with_capacity(message.len() + 64);
    let mut rest = message;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tag = &rest[at + 1..];
        let Some(end) = tag.char_indices().take(MAX_KEY_BYTES).find(|(_, c)| *c == '>').map(|(end, _)| end)
        else {
            out.push('<');
            rest = tag;
            continue;
        };
        let (name, is_end) = (tag[..end].trim_start_matches('/'), tag.starts_with('/'));
        if is_input_key(name) || is_label_key(name) {
            // A closing tag becomes a blank line, which is where an input ends.
            out.push_str(&if is_end { "\n\n".to_owned() } else { format!("\n{name}: ") });
        } else {
            out.push_str(&rest[at..at + end + 2]);
        }
        rest = &tag[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_common_layouts() {
        let input = |text: &str| Part::Input(text.into());
        let label = |key: &str, text: &str| Part::Label { key: key.into(), value: text.into() };
        let prose = |text: &str| Part::Prose(text.into());
        let item = |text: &str| Part::Item(text.into());
        let table: Vec<(&str, &str, Vec<Part>)> = vec![
            ("fields", "Text: a b\nLabel: c", vec![input("a b"), label("Label", "c")]),
            ("two lines", "Input:\na\nb\nAnswer:", vec![input("a\nb"), label("Answer", "")]),
            ("an input with a gap", "Text: a\n\nb\nLabel:", vec![input("a\nb"), label("Label", "")]),
            ("bold keys", "**Patient text:** a\n**Diagnosis:** c", vec![input("a"), label("Diagnosis", "c")]),
            ("one line", "Q: a | A: b", vec![input("a"), label("A", "b")]),
            ("label below", "Diagnosis:\nflu", vec![label("Diagnosis", "flu")]),
            ("bullets", "- a b\n* c\n2) d", vec![item("a b"), item("c"), item("d")]),
            ("pair", "\"a b\" => c d", vec![Part::Pair("a b".into(), "c d".into())]),
            ("array", "Labels: [\"a\", \"b\"]", vec![Part::Texts(vec!["a".into(), "b".into()])]),
            (
                "tags",
                "<text>a</text><label>b</label>",
                vec![Part::Blank, input("a"), label("label", "b"), Part::Blank],
            ),
            ("triple quotes", "Text: \"\"\"a\n\n- b\"\"\"\nx", vec![input("a\n\n- b"), prose("x")]),
            (
                "instruction after",
                "Text: a\n\nAnswer with one word.",
                vec![input("a"), prose("Answer with one word.")],
            ),
            ("a colon in prose", "He said this to me: no", vec![prose("He said this to me: no")]),
        ];
        for (name, message, expected) in table {
            assert_eq!(parts(message), expected, "{name}");
        }
    }

    #[test]
    fn odd_text_does_no_harm() {
        for text in [
            "",
            "<",
            "</",
            "<a></\u{e9}>",
            "{",
            "[\"",
            "\u{1f600}: x",
            "1.",
            "- ",
            "Text:",
            "Label:",
            "=>",
            " => ",
        ] {
            let _ = parts(text);
        }
    }
}
