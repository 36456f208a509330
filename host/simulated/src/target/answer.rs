//! Words a choice the way a model would: in the form that was asked for, more or less.
//!
//! The sloppiness is deterministic by seed and question. Which answer is chosen is decided elsewhere.

use serde_json::{Map, Value};

use super::{
    evidence::{Finding, best_known, roll},
    form::{Form, Shape, is_reason_key},
    prompt::Reading,
};

/// How many cues a reasoning quotes.
const QUOTED: usize = 4;

/// The reply to a prompt, before stop sequences and limits.
pub(crate) fn word(reading: &Reading, findings: &[Finding], seed: u64) -> String {
    let dice = roll(seed, &["wording", &reading.query]);
    let Some((best, second)) = two_best(findings) else { return nothing_offered(&reading.query) };
    let label = &reading.options[best];
    let rival = second.map(|second| reading.options[second].as_str());
    let reasons = reading.form.reasons.then(|| reasoning(&findings[best], label, rival));
    match &reading.form.shape {
        // An answer of an example is copied, sign by sign: it may be anything, such as a formula.
        Shape::Json { keys, answer } if !reading.is_listed => json(keys, *answer, label, reasons, COPIED),
        shape if !reading.is_listed => copied(shape, label, reasons),
        Shape::Json { keys, answer } => json(keys, *answer, label, reasons, dice),
        shape => plain(shape, &reading.form, label, rival, reasons, dice),
    }
}

/// The dice that leave an answer as it is.
const COPIED: u64 = 1;

/// The answer of an example, in the form that was asked for.
fn copied(shape: &Shape, answer: &str, reasons: Option<String>) -> String {
    match (reasons, shape) {
        (Some(reasons), Shape::Line(key)) => format!("{reasons}\n\n{key}: {answer}"),
        (Some(reasons), _) => format!("{reasons}\n\nAnswer: {answer}"),
        (None, Shape::Line(key)) => format!("{key}: {answer}"),
        (None, _) => answer.to_owned(),
    }
}

fn two_best(findings: &[Finding]) -> Option<(usize, Option<usize>)> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    // Stable, so that of equals the one offered first wins.
    order.sort_by(|a, b| findings[*b].score.total_cmp(&findings[*a].score));
    Some((*order.first()?, order.get(1).copied()))
}

fn nothing_offered(query: &str) -> String {
    match best_known(query) {
        Some(name) => format!("This sounds like {name}."),
        None => "I am not sure what to answer.".to_owned(),
    }
}

fn reasoning(finding: &Finding, label: &str, rival: Option<&str>) -> String {
    let mut because = finding.because.clone();
    because.dedup();
    because.truncate(QUOTED);
    let seen = match because.as_slice() {
        [] => "Nothing in the text is decisive.".to_owned(),
        [cue] => format!("The text mentions {cue}."),
        [cues @ .., last] => format!("The text mentions {} and {last}.", cues.join(", ")),
    };
    let compared = match rival {
        Some(rival) => format!("One could think of {rival}, but taken together it fits {label} better."),
        None => format!("It fits {label}."),
    };
    format!("{seen} {compared}")
}

fn plain(
    shape: &Shape,
    form: &Form,
    label: &str,
    rival: Option<&str>,
    reasons: Option<String>,
    dice: u64,
) -> String {
    let style = dice % 20;
    let named = match style {
        0..=9 => label.to_owned(),
        10..=12 => capitalised(label),
        13..=14 => format!("{label}."),
        _ => format!("**{}**", capitalised(label)),
    };
    let key = match shape {
        Shape::Line(key) => key.as_str(),
        _ => "Answer",
    };
    match (reasons, shape) {
        (Some(reasons), _) => format!("{reasons}\n\n{key}: {named}"),
        (None, Shape::Line(_)) => format!("{key}: {named}"),
        (None, Shape::Continue) => named,
        (None, _) if form.terse && style < 17 => named,
        (None, _) if style < 12 => named,
        (None, _) if style < 16 => format!("Label: {label}."),
        // The kind of reply that a careless parser gets wrong.
        (None, _) if style == 19 && !form.terse && rival.is_some() => {
            format!("Most likely {label}, although {} cannot be ruled out.", rival.unwrap_or_default())
        }
        (None, _) => format!("The best fit is {named}"),
    }
}

fn json(keys: &[String], answer: usize, label: &str, reasons: Option<String>, dice: u64) -> String {
    let has_reason_key = keys.iter().any(|key| is_reason_key(key));
    let mut object = Map::new();
    for (at, key) in keys.iter().enumerate() {
        let value = match &reasons {
            _ if at == answer => {
                Value::from(if dice.is_multiple_of(7) { capitalised(label) } else { label.to_owned() })
            }
            Some(reasons) if is_reason_key(key) => Value::from(reasons.as_str()),
            _ if key.to_lowercase().contains("conf") => Value::from(0.8),
            _ => Value::from(""),
        };
        object.insert(key.clone(), value);
    }
    let text = serde_json::to_string(&object).unwrap_or_default();
    let text = match dice % 10 {
        0..=4 => text,
        5..=6 => format!("```json\n{text}\n```"),
        7 => format!("Here is my answer:\n\n```json\n{text}\n```\nLet me know if you need more."),
        8 => text.strip_suffix('}').map_or(text.clone(), |open| format!("{open},}}")),
        _ => format!("Sure. {text}"),
    };
    match reasons {
        Some(reasons) if !has_reason_key => format!("{reasons}\n{text}"),
        _ => text,
    }
}

fn capitalised(label: &str) -> String {
    let mut rest = label.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}
