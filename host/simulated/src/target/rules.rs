//! Hints in a prompt: `If the text mentions X or Y, prefer A over B`, and glossaries such as `A: X, Y`.

use super::{
    layout::Part,
    prompt::Options,
    text::{is_stop_word, normalize, stem},
};

/// A line of a hint is at most this long; what is longer is text to read, not a rule.
const MAX_RULE_BYTES: usize = 1_000;

/// Some cues, and what they speak for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    /// Each cue is one or more stems that have to be found together.
    pub cues: Vec<Vec<String>>,
    pub prefer: usize,
    pub over: Option<usize>,
}

/// Where the condition of a rule ends and its conclusion begins.
const TURNS: &[&str] = &[
    " prefer ",
    " choose ",
    " pick ",
    " answer ",
    " suggests ",
    " suggest ",
    " points to ",
    " point to ",
    " indicates ",
    " indicate ",
    " speaks for ",
    " speak for ",
    " means ",
    " favour ",
    " favor ",
    " then ",
    " it is ",
    " => ",
    " -> ",
];
/// Where the condition begins when it follows the conclusion.
const CONDITIONS: &[&str] = &[" when ", " if "];
/// Words of the condition that are no cues.
const FILLERS: &[&str] = &[
    "text",
    "mentions",
    "mention",
    "mentioned",
    "patient",
    "input",
    "contains",
    "says",
    "words",
    "word",
    "such",
    "description",
    "message",
    "either",
    "any",
    "there",
    "talks",
    "describes",
    "reports",
    "use",
    "prefer",
    "choose",
];

/// The rule that a part of a prompt states, if it states one.
pub(crate) fn read_rule(part: &Part, options: &Options) -> Option<Rule> {
    let (line, pair);
    let line: &str = match part {
        Part::Item(text) | Part::Prose(text) => {
            line = text;
            line
        }
        Part::Pair(left, right) => {
            pair = format!("{left} => {right}");
            &pair
        }
        _ => return None,
    };
    if line.len() > MAX_RULE_BYTES {
        return None;
    }
    glossary(line, options).or_else(|| conditional(line, options))
}

fn glossary(line: &str, options: &Options) -> Option<Rule> {
    let (label, cues) = line.split_once(':').or_else(|| line.split_once(" - "))?;
    let prefer = options.exactly(label.trim_matches(['*', ' ']))?;
    rule(cues, prefer, None)
}

fn conditional(line: &str, options: &Options) -> Option<Rule> {
    let line = format!(" {} ", line.to_lowercase());
    let conditional = line.contains(" if ")
        || line.contains(" when ")
        || line.contains("mention")
        || line.contains("=>")
        || line.contains("->");
    if !conditional {
        return None;
    }
    let (at, turn) = TURNS.iter().filter_map(|turn| Some((line.find(turn)?, turn))).min()?;
    let (before, after) = (&line[..at], &line[at + turn.len()..]);
    let condition_behind = CONDITIONS.iter().find_map(|word| after.split_once(word));
    let (condition, conclusion) = match condition_behind {
        Some((conclusion, condition)) if before.trim().is_empty() => (condition, conclusion),
        _ => (before, after),
    };
    let labels = options.mentioned(conclusion);
    rule(condition, *labels.first()?, labels.get(1).copied())
}

fn rule(cues: &str, prefer: usize, over: Option<usize>) -> Option<Rule> {
    let cues =
        cues.split([',', ';', '/', '.']).flat_map(|cue| cue.split(" or ")).flat_map(|cue| cue.split(" and "));
    let cues: Vec<Vec<String>> =
        cues.map(cue_stems).filter(|stems| !stems.is_empty() && stems.len() <= 4).collect();
    (!cues.is_empty()).then_some(Rule { cues, prefer, over })
}

fn cue_stems(cue: &str) -> Vec<String> {
    let cue = normalize(cue);
    cue.split(' ')
        .filter(|word| !word.is_empty() && !is_stop_word(word) && !FILLERS.contains(word))
        .map(stem)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_hints_say() {
        let options = Options::new(["chicken pox", "impetigo", "common cold"].map(String::from).to_vec());
        type Expected = Option<(&'static [&'static str], usize, Option<usize>)>;
        #[rustfmt::skip]
        let table: &[(&str, &str, Expected)] = &[
            ("pair", "If the text mentions crusts, \"oozing\" or nose, prefer impetigo over chicken pox.", Some((&["crust", "ooz", "nos"], 1, Some(0)))),
            ("condition behind", "Prefer impetigo over chicken pox when the patient mentions crusts.", Some((&["crust"], 1, Some(0)))),
            ("arrow", "sneezing, cough => common cold", Some((&["sneez", "cough"], 2, None))),
            ("glossary", "Chicken Pox: spots, blisters", Some((&["spot", "blister"], 0, None))),
            ("no label", "If in doubt, answer with your best guess.", None),
            ("prose", "I have a rash that is itchy.", None),
        ];
        for (name, line, expected) in table {
            let rule = read_rule(&Part::Prose((*line).into()), &options);
            let found = rule.map(|rule| (rule.cues.concat(), rule.prefer, rule.over));
            let expected = expected.map(|(cues, prefer, over)| {
                (cues.iter().map(|cue| (*cue).to_owned()).collect(), prefer, over)
            });
            assert_eq!(found, expected, "{name}");
        }
    }
}
