//! What was understood of a task: its splits, labels and a few examples, and what answers score that ask nobody.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use serde::Serialize;

use super::{Dataset, Example, sample};
use mmh_record::{
    data::{DataFinding, Split},
    digest::Digest,
    format::Interval,
    input::Input,
    metric::MetricSpec,
};
use mmh_report::statistics::Tally;

/// Examples that are shown.
const SHOWN_EXAMPLES: usize = 3;

/// Most different answers of train that are tried as a constant answer, and most examples of a split that they are tried on.
const TRIED_ANSWERS: usize = 200;
const TRIED_EXAMPLES: usize = 2_000;

/// What was understood of a task.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// The task's name.
    pub name: String,
    /// What every harness is told.
    pub instructions: String,
    /// How answers are graded.
    pub metric: MetricSpec,
    /// The same in words.
    pub metric_in_words: String,
    /// The program that grades, if the task has a metric of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ShownScorer>,
    /// What candidates are compared by: `accuracy` or `score`.
    pub objective: &'static str,
    /// Whether an answer is any text, and not one of `labels`.
    pub open: bool,
    /// The labels, with the number of examples of each in every split.
    pub labels: Vec<LabelCount>,
    /// The names of the fields that an example has besides its text.
    pub fields: Vec<String>,
    /// The splits.
    pub splits: Vec<SplitSize>,
    /// What a careful user should know.
    pub findings: Vec<DataFinding>,
    /// The first examples of train, as a harness learns from them.
    pub examples: Vec<Shown>,
    /// What answers score that are the same for every example.
    pub constants: Vec<Constant>,
    /// Right answers that the metric does not count as right, by the ids of their examples.
    pub not_right: Vec<String>,
}

/// A task's own scorer, which is neither built nor run for an overview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownScorer {
    /// The file in the task's folder.
    pub file: String,
    /// Its size.
    pub bytes: usize,
    /// Its digest.
    pub sha256: Digest,
}

/// A label and its examples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelCount {
    /// The label.
    pub label: String,
    /// Its examples by split.
    pub examples: BTreeMap<&'static str, usize>,
}

/// The size of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitSize {
    /// Its name.
    pub split: &'static str,
    /// Its examples.
    pub rows: usize,
    /// Different right answers.
    pub answers: usize,
    /// Examples whose right answer stands in train as well.
    pub answers_of_train: usize,
    /// The mean size of an input with all fields, in bytes.
    pub mean_input_bytes: usize,
}

/// An example that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// What it asks.
    pub input: Input,
    /// The right answer.
    pub gold: String,
}

/// An answer that is given to every example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constant {
    /// Why this one.
    pub what: &'static str,
    /// The answer.
    pub answer: String,
    /// What it scores, by split.
    pub scores: BTreeMap<&'static str, Scored>,
}

/// The figure of the task's objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The figure.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
}

impl Overview {
    /// The overview of a task.
    pub fn of(dataset: &Dataset) -> Self {
        let (task, metric) = (&dataset.task, dataset.kind.metric());
        let train: BTreeSet<&str> = dataset.train.iter().map(|it| it.gold.as_str()).collect();
        let all = Split::ALL.into_iter().flat_map(|split| dataset.split(split));
        // What a program makes of answers is not known before it runs.
        let all = all.filter(|_| dataset.scorer.is_none());
        let not_right = all.filter(|it| !metric.grade(&it.gold, &metric.answer_of(&it.gold)).correct);
        let shown = dataset.train.iter().take(SHOWN_EXAMPLES);
        Self {
            name: task.name.clone(),
            instructions: task.instructions.clone(),
            metric: metric.spec().clone(),
            metric_in_words: metric.describe(),
            scorer: dataset.scorer.as_ref().map(|scorer| ShownScorer {
                file: scorer.name.clone(),
                bytes: scorer.size_bytes(),
                sha256: scorer.spec().digest(),
            }),
            objective: dataset.kind.objective().name(),
            open: dataset.is_open(),
            labels: labels(dataset),
            fields: dataset.kind.fields().to_vec(),
            splits: Split::ALL.into_iter().map(|split| size(split, dataset.split(split), &train)).collect(),
            findings: dataset.findings.clone(),
            examples: shown
                .map(|it| Shown { id: it.id.clone(), input: it.input.clone(), gold: it.gold.clone() })
                .collect(),
            constants: if dataset.scorer.is_none() { constants(dataset) } else { Vec::new() },
            not_right: not_right.map(|it| it.id.clone()).collect(),
        }
    }
}

fn labels(dataset: &Dataset) -> Vec<LabelCount> {
    let mut counts: BTreeMap<&str, BTreeMap<&'static str, usize>> = BTreeMap::new();
    for split in Split::ALL {
        for example in dataset.split(split) {
            *counts.entry(&example.gold).or_default().entry(split.name()).or_insert(0) += 1;
        }
    }
    let count = |label: &String| LabelCount {
        label: label.clone(),
        examples: counts.get(label.as_str()).cloned().unwrap_or_default(),
    };
    dataset.task.labels.iter().map(count).collect()
}

fn size(split: Split, examples: &[Example], train: &BTreeSet<&str>) -> SplitSize {
    let bytes: usize = examples.iter().map(|it| it.input.size_bytes()).sum();
    SplitSize {
        split: split.name(),
        rows: examples.len(),
        answers: examples.iter().map(|it| it.gold.as_str()).collect::<BTreeSet<_>>().len(),
        answers_of_train: examples.iter().filter(|it| train.contains(it.gold.as_str())).count(),
        mean_input_bytes: bytes / examples.len().max(1),
    }
}

/// What scores who knows nothing of the examples: the usual answer of train, the best of train's answers on val, nothing.
fn constants(dataset: &Dataset) -> Vec<Constant> {
    let metric = dataset.kind.metric();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for example in &dataset.train {
        *counts.entry(metric.answer_of(&example.gold)).or_insert(0) += 1;
    }
    let mut answers: Vec<(String, usize)> = counts.into_iter().collect();
    answers.sort_by_key(|(answer, count)| (Reverse(*count), answer.clone()));
    answers.truncate(TRIED_ANSWERS);
    let val = sample(&dataset.val, TRIED_EXAMPLES, 0);
    let objective = dataset.kind.objective();
    let on_val =
        answers.iter().map(|(answer, _)| (answer, tally(dataset, &val, answer).figure(objective).value));
    let best = objective.best(on_val).map(|(answer, _)| answer.clone());
    let usual = answers.first().map(|(answer, _)| answer.clone());
    let tried = [
        ("the most frequent answer of train", usual),
        ("the best answer of train on val", best),
        ("nothing", Some(String::new())),
    ];
    let constant = |(what, answer): (&'static str, Option<String>)| {
        let answer = answer?;
        let scored = Split::ALL[1..].iter().filter(|split| !dataset.split(**split).is_empty()).map(|split| {
            let figure = tally(dataset, dataset.split(*split), &answer).figure(objective);
            (split.name(), Scored { value: figure.value, interval: figure.interval })
        });
        Some(Constant { what, scores: scored.collect(), answer })
    };
    tried.into_iter().filter_map(constant).collect()
}

fn tally(dataset: &Dataset, examples: &[Example], answer: &str) -> Tally {
    Tally::of(examples.iter().map(|example| dataset.kind.grade(example, answer)))
}
