//! A metric in words: what a proposer is told, and what people are shown.

use mmh_record::metric::{CORRECT, MEAN, MetricKind, MetricSpec, Step, Take, Tokens};

/// Some sentences on one line.
pub(super) fn metric(spec: &MetricSpec) -> String {
    let mut sentences = vec![compared(spec)];
    sentences.extend(correct(spec));
    sentences.extend(score(spec));
    if spec.several {
        sentences
            .push("An example has several right answers, and the one with the best grade counts.".into());
    }
    sentences.extend(extracted(spec));
    sentences.extend(normalised(spec));
    sentences.join(" ")
}

fn compared(spec: &MetricSpec) -> String {
    match spec.kind {
        MetricKind::Exact => {
            "An answer is right if it equals the right one, character by character, but for white space around it.".into()
        }
        MetricKind::Normalised => "An answer is right if it equals the right one after normalisation.".into(),
        MetricKind::Set => {
            let usual = [",", ";", "\n"].map(str::to_owned);
            let separators = if spec.separators.is_empty() { &usual[..] } else { &spec.separators };
            format!(
                "An answer is a set, in any order: a JSON array, or a text with {} between its members.",
                quoted(separators, "or")
            )
        }
        MetricKind::Number => format!("An answer is a number{}.", number(spec)),
        MetricKind::TokenF1 => {
            let tokens = match spec.tokens {
                Tokens::Words => "words",
                Tokens::Characters => "characters",
            };
            format!("An answer is compared with the right one by the {tokens} that both have.")
        }
        MetricKind::Contains => {
            let words = if spec.words { " as whole words" } else { "" };
            format!("An answer is right if it contains the right one{words}.")
        }
        MetricKind::Scorer => {
            "An answer is graded by the task's own scorer: a program that gives a score from 0 to 1, and says whether the \
             answer is right."
                .into()
        }
        MetricKind::Json => format!(
            "An answer is a JSON object, of which {} compared{}.",
            match spec.fields.as_slice() {
                [field] => format!("the field {field:?} is"),
                fields => format!("the fields {} are", quoted(fields, "and")),
            },
            tolerance(spec).map(|it| format!("; a number may differ {it}")).unwrap_or_default()
        ),
    }
}

fn number(spec: &MetricSpec) -> String {
    let mut out = match tolerance(spec) {
        Some(tolerance) => format!(" that may differ from the right one {tolerance}"),
        None => " that has to equal the right one".into(),
    };
    if !spec.units.is_empty() {
        out += &format!("; it may stand with {}", quoted(&spec.units, "or"));
    }
    if spec.percent {
        out += "; 12 % is 0.12";
    }
    out
}

fn tolerance(spec: &MetricSpec) -> Option<String> {
    let absolute = (spec.tolerance > 0.0).then(|| format!("by {}", spec.tolerance));
    let relative = (spec.relative > 0.0).then(|| format!("by {} % of it", 100.0 * spec.relative));
    match (absolute, relative) {
        (Some(absolute), Some(relative)) => Some(format!("{absolute} or {relative}, whichever is more")),
        (absolute, relative) => absolute.or(relative),
    }
}

fn correct(spec: &MetricSpec) -> Option<String> {
    if let Some(threshold) = spec.threshold {
        return Some(format!("It counts as right from a score of {threshold} on."));
    }
    match spec.kind {
        MetricKind::Set => Some("It is right if both sets are equal.".into()),
        MetricKind::TokenF1 => Some("It is right if both are equal after normalisation.".into()),
        MetricKind::Json => Some("It is right if all of them are the same.".into()),
        _ => None,
    }
}

fn score(spec: &MetricSpec) -> Option<String> {
    match spec.score_name() {
        CORRECT if spec.kind == MetricKind::Exact => None,
        _ if spec.kind == MetricKind::Scorer => None,
        CORRECT => Some("The score is 1 for a right answer and 0 for any other.".into()),
        MEAN => Some("The score is the share of fields that are the same.".into()),
        name => Some(format!("The score is the {name:?} of an answer, from 0 to 1.")),
    }
}

fn extracted(spec: &MetricSpec) -> Option<String> {
    let take = match spec.take {
        Take::First => "first",
        Take::Last => "last",
    };
    let unmatched = match spec.strict {
        true => "an answer that does not match is wrong",
        false => "all of the text if nothing matches",
    };
    let patterns: Vec<String> = spec.extract.iter().map(|pattern| format!("`{pattern}`")).collect();
    (!patterns.is_empty()).then(|| {
        format!(
            "Before that, the {take} match of {} is cut out of the text; {unmatched}.",
            patterns.join(", else of ")
        )
    })
}

fn normalised(spec: &MetricSpec) -> Option<String> {
    if matches!(spec.kind, MetricKind::Exact | MetricKind::Number) || spec.steps().is_empty() {
        return None;
    }
    let steps = spec.steps().iter().map(|step| match step {
        Step::Trim => "white space around it is removed",
        Step::Lowercase => "it is lower-cased",
        Step::Nfkc => "it is brought to Unicode's form NFKC",
        Step::CollapseSpaces => "runs of white space become one space",
        Step::StripPunctuation => "punctuation is removed",
        Step::StripArticles => "the words a, an and the are removed",
    });
    let what = match spec.kind {
        MetricKind::Set => "each member",
        MetricKind::Json => "each text",
        _ => "a text",
    };
    Some(format!("Normalisation of {what}, in this order: {}.", steps.collect::<Vec<_>>().join(", ")))
}

/// `"a", "b" or "c"`.
fn quoted(names: &[String], and: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match names.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} {and} {last}", others.join(", ")),
        names => names.concat(),
    }
}
