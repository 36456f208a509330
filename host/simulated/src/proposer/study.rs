//! What the results of the tools mean: the history, the best harness, its failures, the training rows.
//!
//! Everything here tolerates results that are errors, cut off or of another shape: what cannot be read
//! is missing, no more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    conversation::Conversation,
    ideas::{Idea, idea_in},
};

/// One earlier iteration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub iteration: u64,
    pub accuracy: Option<f64>,
    pub n_correct: u64,
    pub n_examples: u64,
    /// The idea that it tried, if it was one of ours.
    pub idea: Option<Idea>,
}

/// A failure of the best harness, without its text: that is never to reach a harness.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub example_id: String,
    pub gold: String,
    /// None if the harness gave no answer.
    pub predicted: Option<String>,
    pub error_kind: String,
}

/// Everything known before an idea is chosen.
#[derive(Debug, Default)]
pub(crate) struct Study {
    pub past: Vec<Past>,
    pub best: Option<Past>,
    /// The best harness's source, empty if it could not be read.
    pub best_source: String,
    pub failures: Vec<Failure>,
    /// How many failures there are, read or not.
    pub n_failures: u64,
    pub labels: Vec<String>,
    /// Whether harnesses are written in Python.
    pub is_python: bool,
    /// Whether the task is open: then `labels` are answers of training rows alone.
    pub is_open: bool,
    /// Whether inputs have fields besides their text.
    pub has_fields: bool,
    /// How many candidates are written at the same time before this one, which leave as many ideas to it.
    pub before: usize,
    /// Training texts by label, in the order in which they were read.
    pub train: BTreeMap<String, Vec<String>>,
}

impl Study {
    pub(crate) fn of(conversation: &Conversation) -> Self {
        let past = past(conversation);
        let best = best(conversation, &past);
        let mut study = Self {
            best_source: String::new(),
            past,
            best,
            labels: conversation.brief.labels.clone(),
            is_python: conversation.is_python,
            is_open: conversation.brief.is_open,
            has_fields: conversation.brief.has_fields,
            before: conversation.brief.before,
            ..Self::default()
        };
        if let Some(best) = &study.best {
            let source = conversation.about("read_harness", best.iteration).find(|call| !call.is_error);
            study.best_source = source.map(|call| call.content.clone()).unwrap_or_default();
            (study.failures, study.n_failures) = failures(conversation, best.iteration);
        }
        study.train = train(conversation);
        if study.is_open {
            // The right answers of failures are no labels, and never to reach a harness.
            study.labels = study.train.keys().cloned().collect();
        } else if study.labels.is_empty() {
            let seen = study.failures.iter().map(|failure| &failure.gold).chain(study.train.keys());
            study.labels = seen.collect::<BTreeSet<_>>().into_iter().cloned().collect();
        }
        study
    }

    /// How often a gold label was taken for another one, most often first.
    pub(crate) fn confusions(&self) -> Vec<((&str, &str), usize)> {
        counted(
            self.failures
                .iter()
                .filter_map(|failure| Some((failure.gold.as_str(), failure.predicted.as_deref()?))),
        )
    }

    /// The gold labels that were missed, most often first.
    pub(crate) fn missed(&self) -> Vec<(&str, usize)> {
        counted(self.failures.iter().map(|failure| failure.gold.as_str()))
    }

    /// The labels to read training rows of: those that were missed, then those they were taken for.
    pub(crate) fn telling_labels(&self, wanted: usize) -> Vec<String> {
        let taken_for = counted(self.failures.iter().filter_map(|failure| failure.predicted.as_deref()));
        let known = |label: &&str| self.labels.iter().any(|one| one == label);
        let missed = self.missed().into_iter().chain(taken_for).map(|(label, _)| label).filter(known);
        // Where nothing was missed, or nothing is known, any labels are as good as others.
        let all = missed.chain(self.labels.iter().map(String::as_str));
        let mut out: Vec<String> = Vec::new();
        for label in all {
            if out.len() < wanted && !out.iter().any(|one| one == label) {
                out.push(label.to_owned());
            }
        }
        out
    }

    /// How many failures were no wrong answers but panics, limits and the like.
    pub(crate) fn n_broken(&self) -> usize {
        self.failures.iter().filter(|failure| failure.predicted.is_none()).count()
    }
}

/// What occurs, with its count: most often first, then in order of the thing itself.
fn counted<T: Ord + Clone>(things: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    let mut counts: Vec<(T, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn past(conversation: &Conversation) -> Vec<Past> {
    let boards =
        conversation.of("scoreboard").chain(conversation.of("list_iterations")).filter(|call| !call.is_error);
    let rows = boards.map(|call| call.json()).find_map(|board| board["iterations"].as_array().cloned());
    rows.unwrap_or_default().iter().filter_map(|row| past_of(row, conversation)).collect()
}

fn past_of(row: &Value, conversation: &Conversation) -> Option<Past> {
    let iteration = row["iteration"].as_u64()?;
    let in_headline = row["reasoning_headline"].as_str().and_then(idea_in);
    let readings =
        ["read_reasoning", "read_harness"].iter().flat_map(|tool| conversation.about(tool, iteration));
    let idea = in_headline
        .or_else(|| readings.filter(|call| !call.is_error).find_map(|call| idea_in(&call.content)));
    Some(Past {
        iteration,
        // By the name of what the run compares.
        accuracy: row["accuracy"].as_f64().or(row["score"].as_f64()),
        n_correct: row["n_correct"].as_u64().unwrap_or_default(),
        n_examples: row["n_examples"].as_u64().unwrap_or_default(),
        idea,
    })
}

fn best(conversation: &Conversation, past: &[Past]) -> Option<Past> {
    let scored = || past.iter().filter(|past| past.accuracy.is_some());
    let named = conversation.of("scoreboard").find_map(|call| call.json()["best"].as_u64());
    let named = named.and_then(|best| scored().find(|past| past.iteration == best));
    // Of equals the earlier one, which is the simpler.
    let highest =
        || scored().rev().max_by(|a, b| a.accuracy.unwrap_or(0.0).total_cmp(&b.accuracy.unwrap_or(0.0)));
    named.or_else(highest).cloned()
}

fn failures(conversation: &Conversation, iteration: u64) -> (Vec<Failure>, u64) {
    let mut by_id: BTreeMap<String, Failure> = BTreeMap::new();
    let mut total = 0;
    for call in conversation.about("read_eval_trace", iteration).filter(|call| !call.is_error) {
        let page = call.json();
        total = total.max(page["total"].as_u64().unwrap_or_default());
        for row in page["examples"].as_array().into_iter().flatten() {
            if let Some(failure) = failure_of(row) {
                by_id.insert(failure.example_id.clone(), failure);
            }
        }
    }
    let failures: Vec<Failure> = by_id.into_values().collect();
    let total = total.max(failures.len() as u64);
    (failures, total)
}

fn failure_of(row: &Value) -> Option<Failure> {
    if row["correct"].as_bool() == Some(true) {
        return None;
    }
    Some(Failure {
        example_id: row["example_id"].as_str()?.to_owned(),
        gold: row["gold_label"].as_str()?.to_owned(),
        predicted: row["predicted_label"].as_str().map(str::to_owned),
        error_kind: row["error_kind"].as_str().unwrap_or("ok").to_owned(),
    })
}

fn train(conversation: &Conversation) -> BTreeMap<String, Vec<String>> {
    let mut by_label: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in conversation.of("read_train").filter(|call| !call.is_error) {
        for row in call.json()["examples"].as_array().into_iter().flatten() {
            if let (Some(text), Some(label)) = (row["input"].as_str(), row["label"].as_str()) {
                let texts = by_label.entry(label.to_owned()).or_default();
                if !texts.iter().any(|one| one == text) {
                    texts.push(text.to_owned());
                }
            }
        }
    }
    by_label
}
