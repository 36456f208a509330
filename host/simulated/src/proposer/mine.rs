//! Turns what was read into the tables of a harness: worked examples, hints, a short list of labels.
//!
//! Only training rows get in; of the failures, which the harness is scored on, only labels count.

use std::collections::{BTreeMap, BTreeSet};

use super::study::Study;
use crate::target::text::{is_stop_word, normalize, stem};

/// Labels whose training rows are read, at most.
pub(crate) const MAX_LABELS: usize = 24;
const MAX_EXAMPLES: usize = 56;
/// Longer texts are cut in a worked example.
const MAX_TEXT_CHARS: usize = 600;
const MAX_PAIRS: usize = 10;
/// How much more often a word has to stand with one label: a factor of about 2.5, as a logarithm.
const TELLING: f64 = 0.9;
/// A word that stands in fewer rows, or in a smaller share of a label's rows, proves nothing.
const MIN_ROWS: f64 = 2.0;
const MIN_SHARE: f64 = 0.25;

/// How many rows of a label hold a word, for every word; and how many rows there are.
struct Profile {
    rows: BTreeMap<String, f64>,
    n: f64,
}

impl Profile {
    fn of<'a>(texts: impl Iterator<Item = &'a String>) -> Self {
        let (mut rows, mut n) = (BTreeMap::new(), 0.0);
        for text in texts {
            n += 1.0;
            for word in words(text) {
                *rows.entry(word).or_insert(0.0) += 1.0;
            }
        }
        Self { rows, n }
    }

    fn count(&self, word: &str) -> f64 {
        self.rows.get(word).copied().unwrap_or_default()
    }

    /// The rows that are in here and not in one of its parts.
    fn without(&self, part: &Self) -> Self {
        let rows = self.rows.iter().map(|(word, rows)| (word.clone(), rows - part.count(word))).collect();
        Self { rows, n: self.n - part.n }
    }

    /// By how much a word speaks for this label rather than the other, as log-odds.
    fn log_odds(&self, word: &str, other: &Self) -> f64 {
        let rate = |profile: &Self| (profile.count(word) + 0.5) / (profile.n + 1.0);
        (rate(self) / rate(other)).ln()
    }
}

/// A text's content words, each once.
fn words(text: &str) -> BTreeSet<String> {
    let normal = normalize(text);
    let content = normal.split(' ').filter(|word| word.chars().count() > 2 && !is_stop_word(word));
    content.filter(|word| word.chars().any(char::is_alphabetic)).map(str::to_owned).collect()
}

/// Worked examples (text, label): for each telling label, those rows that together hold the most of
/// the words that tell it from the others.
pub(crate) fn worked_examples(study: &Study, per_label: usize) -> Vec<Vec<String>> {
    let all = Profile::of(study.train.values().flatten());
    let labels = study.telling_labels(MAX_LABELS);
    let chosen: Vec<Vec<Vec<String>>> = labels
        .iter()
        .map(|label| {
            let texts = study.train.get(label).map_or(&[][..], Vec::as_slice);
            covering(texts, &all, per_label)
                .into_iter()
                .map(|text| vec![shortened(text), label.clone()])
                .collect()
        })
        .collect();
    // The first of every label, then the second: if there is no room for all, every label has some.
    let turns = (0..per_label).flat_map(|turn| chosen.iter().filter_map(move |rows| rows.get(turn)));
    turns.take(MAX_EXAMPLES).cloned().collect()
}

/// Greedily the texts that add the most telling words.
fn covering<'a>(texts: &'a [String], all: &Profile, wanted: usize) -> Vec<&'a String> {
    let own = Profile::of(texts.iter());
    let mut left: Vec<(&String, BTreeSet<String>)> = texts.iter().map(|text| (text, words(text))).collect();
    let mut chosen = Vec::new();
    while chosen.len() < wanted && !left.is_empty() {
        let worth = |words: &BTreeSet<String>| {
            // Divided by the root of the length, or the longest text would always win.
            let sum: f64 = words.iter().map(|word| own.count(word) * own.log_odds(word, all).max(0.0)).sum();
            sum / (words.len().max(1) as f64).sqrt()
        };
        let best = left
            .iter()
            .enumerate()
            .max_by(|(i, a), (j, b)| worth(&a.1).total_cmp(&worth(&b.1)).then(j.cmp(i)));
        let Some(at) = best.map(|(at, _)| at) else { break };
        let (text, covered) = left.remove(at);
        chosen.push(text);
        for (_, words) in &mut left {
            words.retain(|word| !covered.contains(word));
        }
    }
    chosen
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

/// Hints (words, label they speak for, label it is confused with) for the confused pairs, both ways.
pub(crate) fn hints(study: &Study, per_pair: usize) -> Vec<Vec<String>> {
    let all = Profile::of(study.train.values().flatten());
    let profiles: BTreeMap<&str, Profile> =
        study.train.iter().map(|(label, texts)| (label.as_str(), Profile::of(texts.iter()))).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut pairs = BTreeSet::new();
    for ((gold, predicted), _) in study.confusions() {
        let (Some(a), Some(b)) = (profiles.get(gold), profiles.get(predicted)) else { continue };
        if pairs.len() >= MAX_PAIRS || !pairs.insert((gold.min(predicted), gold.max(predicted))) {
            continue;
        }
        for (label, own, rival, other) in [(gold, a, predicted, b), (predicted, b, gold, a)] {
            let words = telling_words(own, other, &all, per_pair);
            if !words.is_empty() {
                rows.push(vec![words.join(", "), label.to_owned(), rival.to_owned()]);
            }
        }
    }
    rows
}

/// The words that most speak for one label rather than another; of words with one stem, the best.
///
/// They have to be more common with this label than anywhere else, too: what merely happens to be
/// missing from the rival's few rows tells nothing.
fn telling_words(own: &Profile, other: &Profile, all: &Profile, wanted: usize) -> Vec<String> {
    let telling = own.rows.iter().filter(|(_, rows)| **rows >= MIN_ROWS.max(MIN_SHARE * own.n));
    let elsewhere = all.without(own);
    let telling = telling.filter(|(word, _)| own.log_odds(word, &elsewhere) >= TELLING);
    let telling = telling.map(|(word, rows)| (own.log_odds(word, other), *rows, word));
    let mut telling: Vec<(f64, f64, &String)> = telling.filter(|(odds, _, _)| *odds >= TELLING).collect();
    telling.sort_by(|a, b| (b.0 * b.1.sqrt()).total_cmp(&(a.0 * a.1.sqrt())));
    let mut stems = BTreeSet::new();
    telling.retain(|(_, _, word)| stems.insert(stem(word)));
    telling.into_iter().take(wanted).map(|(_, _, word)| word.clone()).collect()
}

/// The labels that fail most, in the task's order: this share of all, in percent, but two at least.
pub(crate) fn short_list(study: &Study, percent: u32) -> Vec<Vec<String>> {
    let wanted = (study.labels.len() * percent as usize).div_ceil(100).max(2);
    let kept = study.telling_labels(wanted);
    let in_order = study.labels.iter().filter(|label| kept.contains(label));
    in_order.map(|label| vec![label.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposer::study::Failure;

    fn study() -> Study {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let failure = |id: &str, gold: &str, predicted: &str| Failure {
            example_id: id.into(),
            gold: gold.into(),
            predicted: Some(predicted.into()),
            error_kind: "ok".into(),
        };
        Study {
            labels: texts(&["bill", "crash", "login", "other"]),
            failures: vec![
                failure("1", "login", "crash"),
                failure("2", "login", "crash"),
                failure("3", "crash", "bill"),
            ],
            train: BTreeMap::from([
                (
                    "login".into(),
                    texts(&["password is wrong", "my password was reset", "the app knows no password"]),
                ),
                ("crash".into(), texts(&["the app closes", "app freezes and closes", "closes at once"])),
            ]),
            ..Study::default()
        }
    }

    #[test]
    fn examples_cover_the_missed_labels() {
        let rows = worked_examples(&study(), 2);
        assert_eq!(
            rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(),
            ["login", "crash", "login", "crash"]
        );
    }

    #[test]
    fn hints_tell_confused_labels_apart() {
        let rows = hints(&study(), 3);
        assert_eq!(rows, [["password", "login", "crash"], ["closes", "crash", "login"]]);
    }

    #[test]
    fn the_short_list_holds_what_fails() {
        assert_eq!(short_list(&study(), 50), [["crash"], ["login"]]);
    }
}
