//! How a prompt wants to be answered: with reasons or without, as a bare label, a line or JSON.

use super::layout::{Part, is_label_key};

/// The form that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    /// Think before answering.
    pub reasons: bool,
    /// Nothing but the answer.
    pub terse: bool,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// The answer in whatever way.
    Free,
    /// The prompt ends with an open `Label:`; the model goes on from there.
    Continue,
    /// A line that starts with this key, such as `Answer`.
    Line(String),
    /// A JSON object with these keys, of which one holds the answer.
    Json { keys: Vec<String>, answer: usize },
}

const REASONING: &[&str] = &[
    "step by step",
    "think",
    "reason",
    "explain",
    "weigh",
    "consider the symptoms",
    "consider the words",
    "work out",
    "first list",
    "before answering",
    "before you answer",
    "before deciding",
];
const NO_REASONING: &[&str] = &[
    "not explain",
    "n't explain",
    "no explanation",
    "without explan",
    "without reason",
    "no reasoning",
    "not reason",
    "n't reason",
    "without thinking",
    "not think",
];
const TERSE: &[&str] = &[
    "only the",
    "nothing else",
    "exactly one",
    "just the",
    "label alone",
    "label only",
    "and only",
    "exactly as",
];

/// Reads the form from the instructions, and from how the last message ends.
pub(crate) fn read_form(instructions: &str, last: &[Part]) -> Form {
    let lower = instructions.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let shape =
        if lower.contains("json") { json_shape(instructions) } else { line_shape(instructions, last) };
    let keys_reason = matches!(&shape, Shape::Json { keys, .. } if keys.iter().any(|key| is_reason_key(key)));
    Form { reasons: keys_reason || (has(REASONING) && !has(NO_REASONING)), terse: has(TERSE), shape }
}

/// Whether a JSON key asks for reasons.
pub(crate) fn is_reason_key(key: &str) -> bool {
    let key = key.to_lowercase();
    ["reason", "explan", "think", "thought", "evidence", "rationale", "analysis", "why"]
        .iter()
        .any(|part| key.contains(part))
}

/// The keys of the last object that shows the form: one whose values are placeholders.
fn json_shape(text: &str) -> Shape {
    let bodies =
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).filter(|body| body.len() < 400);
    let templates: Vec<Vec<String>> = bodies.map(keys_of).filter(|keys| !keys.is_empty()).collect();
    let labelled = templates.iter().rfind(|keys| keys.iter().any(|key| is_label_key(key)));
    let keys = labelled.or(templates.last()).cloned().unwrap_or_else(|| vec!["label".to_owned()]);
    let answer = keys.iter().rposition(|key| is_label_key(key)).unwrap_or(keys.len() - 1);
    Shape::Json { keys, answer }
}

fn keys_of(body: &str) -> Vec<String> {
    let mut pieces = body.split('"');
    let mut keys = Vec::new();
    pieces.next();
    while let (Some(text), Some(after)) = (pieces.next(), pieces.next()) {
        if after.trim_start().starts_with(':') && text.len() <= 40 {
            keys.push(text.to_owned());
        }
    }
    keys.truncate(8);
    keys
}

fn line_shape(text: &str, last: &[Part]) -> Shape {
    if matches!(last.iter().rev().find(|part| !matches!(part, Part::Blank)), Some(Part::Label { value, .. }) if value.is_empty())
    {
        return Shape::Continue;
    }
    // `Answer: <label>` or `Answer: [label]`, as a line or within a sentence.
    for opening in [": <", ": [", ": {", ": ..."] {
        for (at, _) in text.match_indices(opening) {
            let key =
                text[..at].rsplit(|c: char| !(c.is_alphanumeric() || c == ' ')).next().unwrap_or_default();
            let key = key.split_whitespace().next_back().unwrap_or_default();
            if is_label_key(key) {
                return Shape::Line(key.to_owned());
            }
        }
    }
    Shape::Free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::layout::parts;

    #[test]
    fn reads_the_form_that_is_asked_for() {
        let json = |keys: &[&str], answer| Shape::Json {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            answer,
        };
        let table = [
            ("plain", "Classify.\nText: x", false, Shape::Free),
            ("open field", "Text: x\nLabel:", false, Shape::Continue),
            (
                "line",
                "Think step by step, then end with `Answer: <label>`.\nText: x",
                true,
                Shape::Line("Answer".into()),
            ),
            ("json", "Reply as JSON: {\"label\": \"...\"}\nText: x", false, json(&["label"], 0)),
            (
                "json with reasons",
                "JSON like {\"reasoning\": \"..\", \"diagnosis\": \"..\"}",
                true,
                json(&["reasoning", "diagnosis"], 1),
            ),
            ("json without a template", "Answer in JSON.", false, json(&["label"], 0)),
            ("told not to", "Do not explain your reasoning.\nText: x", false, Shape::Free),
        ];
        for (name, text, reasons, shape) in table {
            let form = read_form(text, &parts(text));
            assert_eq!((form.reasons, form.shape), (reasons, shape), "{name}");
        }
    }
}
