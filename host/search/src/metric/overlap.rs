//! What two answers have in common: members of sets, tokens, or one as a part of the other.

use std::collections::{BTreeMap, HashMap, HashSet};

use mmh_record::metric::Tokens;

use super::Compared;

/// Where a text is cut into members, if a task names no separators.
const USUAL_SEPARATORS: [&str; 3] = [",", ";", "\n"];

/// A text, cut at all of these separators.
pub(super) fn cut(text: &str, separators: &[String]) -> Vec<String> {
    let usual = USUAL_SEPARATORS.map(str::to_owned);
    let separators = if separators.is_empty() { &usual[..] } else { separators };
    separators.iter().fold(vec![text.to_owned()], |parts, separator| {
        let cut = parts.iter().flat_map(|part| part.split(separator.as_str()));
        cut.map(str::to_owned).collect()
    })
}

/// Two sets: right if they are equal. What stands there twice counts once.
pub(super) fn sets(gold: &[String], answer: &[String]) -> Compared {
    let gold: HashSet<&String> = gold.iter().collect();
    let answer: HashSet<&String> = answer.iter().collect();
    let common = gold.intersection(&answer).count();
    let mut compared = compared(gold == answer, common, gold.len(), answer.len());
    let union = gold.len() + answer.len() - common;
    compared.parts.insert("jaccard".into(), share(common, union));
    compared
}

/// The tokens of two texts, each as often as it stands there: right if the texts are equal.
pub(super) fn tokens(gold: &str, answer: &str, tokens: Tokens) -> Compared {
    let (gold_tokens, answer_tokens) = (split(gold, tokens), split(answer, tokens));
    let mut left: HashMap<&str, usize> = HashMap::new();
    gold_tokens.iter().for_each(|token| *left.entry(token).or_default() += 1);
    let mut common = 0;
    for token in &answer_tokens {
        if let Some(left) = left.get_mut(token).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    compared(gold == answer, common, gold_tokens.len(), answer_tokens.len())
}

/// Whether a text has another one in it, which is not empty; between word boundaries, if that is wanted.
pub(super) fn contains(text: &str, wanted: &str, words: bool) -> bool {
    if wanted.is_empty() || !words {
        return !wanted.is_empty() && text.contains(wanted);
    }
    let is_inside = |neighbour: Option<char>, edge: Option<char>| {
        neighbour.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric)
    };
    let (first, last) = (wanted.chars().next(), wanted.chars().next_back());
    text.match_indices(wanted).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + wanted.len()..]);
        !is_inside(before.chars().next_back(), first) && !is_inside(behind.chars().next(), last)
    })
}

fn split(text: &str, tokens: Tokens) -> Vec<&str> {
    match tokens {
        Tokens::Words => text.split_whitespace().collect(),
        Tokens::Characters => {
            let characters = text.char_indices().filter(|(_, character)| !character.is_whitespace());
            characters.map(|(at, character)| &text[at..at + character.len_utf8()]).collect()
        }
    }
}

fn compared(correct: bool, common: usize, gold: usize, answer: usize) -> Compared {
    let parts = [
        ("precision", share_of(common, answer, gold)),
        ("recall", share_of(common, gold, answer)),
        ("f1", share(2 * common, gold + answer)),
    ];
    let parts: BTreeMap<String, f64> =
        parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
    Compared { correct, parts }
}

/// A share of something that may be empty: all of nothing, if the other side is empty as well.
fn share_of(common: usize, all: usize, other: usize) -> f64 {
    match (all, other) {
        (0, 0) => 1.0,
        (0, _) => 0.0,
        _ => common as f64 / all as f64,
    }
}

fn share(common: usize, all: usize) -> f64 {
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}
