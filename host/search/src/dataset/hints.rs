//! What a look at right answers suggests of their metric. A draft says it in comments: it is a guess.

use std::collections::BTreeSet;

/// What may stand between the parts of an answer.
const SEPARATORS: [char; 7] = [';', '；', '|', '、', '，', ',', '.'];

/// One answer of so many has to have a separator, or nothing is said.
const ONE_OF: usize = 4;

/// Answers of more words than this are sentences, whose commas and points separate nothing.
const FEW_WORDS: usize = 3;

/// Fewer different answers than this suggest nothing.
const MIN_ANSWERS: usize = 4;

/// Comments for the metric of these answers, each a line of TOML.
pub fn of(answers: &[&str]) -> Vec<String> {
    let distinct: BTreeSet<&str> = answers.iter().map(|answer| answer.trim()).collect();
    if distinct.len() < MIN_ANSWERS {
        return Vec::new();
    }
    let beginning = beginning(&distinct);
    let rests: Vec<&str> = distinct.iter().map(|answer| &answer[beginning.len()..]).collect();
    let mut lines = Vec::new();
    if !beginning.is_empty() && !beginning.contains(['\'', '\n']) {
        lines.push(format!("# All answers begin with \"{beginning}\". This leaves it out:"));
        lines.push(format!("# extract = '{}(.*)'", regex::escape(beginning)));
    }
    let separators = separators(&rests);
    if !separators.is_empty() {
        let found = rests.iter().filter(|rest| separators.iter().any(|it| separates(rest, *it))).count();
        let quoted: Vec<String> = separators.iter().map(|it| format!("\"{it}\"")).collect();
        lines.push(format!(
            "# {found} of {} different answers look like several parts. If their order does not matter:",
            rests.len()
        ));
        lines.push("# kind = \"set\"".into());
        lines.push(format!("# separators = [{}]", quoted.join(", ")));
    }
    lines
}

/// What all of these begin with, up to a colon.
fn beginning<'a>(answers: &BTreeSet<&'a str>) -> &'a str {
    // In a sorted set, what the first and the last one have in common is common to all.
    let (Some(first), Some(last)) = (answers.first(), answers.last()) else { return "" };
    let same = first.char_indices().zip(last.chars()).take_while(|((_, left), right)| left == right);
    let end = same.filter(|((_, it), _)| matches!(it, ':' | '：')).map(|((at, it), _)| at + it.len_utf8());
    &first[..end.last().unwrap_or(0)]
}

fn separators(answers: &[&str]) -> Vec<char> {
    let words: usize = answers.iter().map(|answer| answer.split_whitespace().count()).sum();
    let is_prose = words > FEW_WORDS * answers.len();
    let is_number = |answer: &&str| answer.replace(',', "").trim().parse::<f64>().is_ok();
    if answers.iter().all(is_number) {
        return Vec::new();
    }
    let known = SEPARATORS.into_iter().filter(|it| !is_prose || !matches!(it, ',' | '，' | '.'));
    let often =
        |it: &char| ONE_OF * answers.iter().filter(|answer| separates(answer, *it)).count() >= answers.len();
    known.filter(often).collect()
}

/// Whether this stands between two parts of an answer. A point that is followed by a space ends a sentence, and one between
/// digits is a number's, as is a comma.
fn separates(answer: &str, separator: char) -> bool {
    answer.char_indices().filter(|(_, it)| *it == separator).any(|(at, it)| {
        let (before, after) = (answer[..at].chars().next_back(), answer[at + it.len_utf8()..].chars().next());
        let (Some(before), Some(after)) = (before, after) else { return false };
        let in_number = before.is_ascii_digit() && after.is_ascii_digit();
        let ends_sentence = before.is_whitespace() || after.is_whitespace();
        match it {
            '.' => !in_number && !ends_sentence,
            ',' => !in_number,
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_suggest_a_metric() {
        let set = |count: &str, separators: &str| {
            vec![
                format!(
                    "# {count} different answers look like several parts. If their order does not matter:"
                ),
                "# kind = \"set\"".to_owned(),
                format!("# separators = [{separators}]"),
            ]
        };
        let extract = |said: &str, expression: &str| {
            vec![
                format!("# All answers begin with \"{said}\". This leaves it out:"),
                format!("# extract = '{expression}(.*)'"),
            ]
        };
        let table: [(&str, &[&str], Vec<String>); 10] = [
            ("too few", &["a;b", "c;d", "a;b"], vec![]),
            ("plain words", &["a", "b", "c", "d"], vec![]),
            ("parts", &["a;b", "b", "c", "d"], set("1 of 4", "\";\"")),
            ("too rarely", &["a;b", "b", "c", "d", "e"], vec![]),
            ("formulas", &["CC.OC", "CCN", "C.CC", "Nc1"], set("2 of 4", "\".\"")),
            ("numbers", &["1,200", "3.5", "7", "8.25"], vec![]),
            ("versions in names", &["a 1.2", "b 1.3", "c 2.4", "d 2.5"], vec![]),
            (
                "sentences",
                &["It is so, she says. Yes.", "No, it is not so.", "Well, it may be so.", "Why, it is so."],
                vec![],
            ),
            (
                "a beginning",
                &["Answer (b): x", "Answer (b): y", "Answer (b): z", "Answer (b): w"],
                extract("Answer (b):", "Answer \\(b\\):"),
            ),
            (
                "both",
                &["\u{7f6a}:a;b", "\u{7f6a}:b", "\u{7f6a}:c\u{3001}d", "\u{7f6a}:d;c"],
                [extract("\u{7f6a}:", "\u{7f6a}:"), set("3 of 4", "\";\", \"\u{3001}\"")].concat(),
            ),
        ];
        for (name, answers, expected) in table {
            assert_eq!(of(answers), expected, "{name}");
        }
    }
}
