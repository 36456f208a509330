//! Several runs, of one data set or of several: what each started from and what it found, in one table with a column for
//! each data set.
//!
//! Works on runs that go on or are a stranger's: what a run does not have is left out, and what makes runs hard to compare
//! is told.

mod groups;
mod warnings;

use serde::Serialize;

use crate::compare::{Numbers, Paired, board};
use mmh_record::{
    RecordError,
    data::Split,
    digest::Digest,
    format::{Config, Interval, Score, Summary},
    layout::{self, TRACES},
    objective::Objective,
    reader::RunReader,
};

/// How the mean over data sets is made, for people.
pub const MEAN: &str = "plain mean of the data sets";

/// A run as it stands in the table.
#[derive(Clone, Debug, Serialize)]
pub struct RunScores {
    /// How the user names it.
    pub name: String,
    /// The run's id.
    pub run_id: String,
    /// The name of its data set.
    pub dataset: String,
    /// What identifies the data set.
    pub dataset_digest: Digest,
    /// The split that the scores are of: `test` where the best harness and the first baseline have held-out scores, else
    /// `val`.
    pub split: &'static str,
    /// The figure that candidates are compared by: `accuracy` or `score`.
    pub figure: &'static str,
    /// The model that harnesses ask.
    pub target_model: String,
    /// The model that writes harnesses.
    pub proposer_model: String,
    /// Whether both models are simulated.
    pub mock: bool,
    /// The run's seed.
    pub seed: u64,
    /// The harnesses that it started from, then the best one.
    pub entries: Vec<Entry>,
    /// The best one against the best baseline on this split. None where the best one is a baseline.
    pub change: Option<Change>,
    /// What is to be known of this run alone.
    pub warnings: Vec<String>,
    #[serde(skip)]
    objective: Objective,
    /// What tells whether two runs have evaluated the same examples.
    #[serde(skip)]
    sample: (&'static str, u64, Option<u64>),
}

/// A harness of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Its index in the run.
    pub index: u32,
    /// What its row is called.
    pub row: String,
    /// The figure, from 0 to 1.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The number of examples.
    pub n_examples: u64,
}

/// The best harness against a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The index of the baseline.
    pub against: u32,
    /// The difference of both figures, in points of a hundred.
    pub points: f64,
    /// The comparison example by example. None where a trace is missing.
    pub paired: Option<Paired>,
}

/// The name of the row of the best harness.
pub const BEST: &str = "best";
/// The name of the row of its change against the best baseline.
pub const CHANGE: &str = "change";

/// All runs.
#[derive(Clone, Debug, Serialize)]
pub struct Across {
    /// The data sets, in the order in which they were named first.
    pub columns: Vec<Column>,
    /// Runs that stand side by side: at most one of each data set.
    pub groups: Vec<Group>,
    /// The runs, in the order in which they were named.
    pub runs: Vec<RunScores>,
    /// [`MEAN`].
    pub mean: &'static str,
    /// What makes runs hard to compare.
    pub warnings: Vec<String>,
}

/// A data set.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Its name, with the start of its digest where another one is called so too.
    pub name: String,
    /// What identifies it.
    pub digest: Digest,
}

/// Runs of different data sets.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// For each data set, the place of the run.
    pub runs: Vec<Option<usize>>,
    /// The baselines, the best one, the change.
    pub rows: Vec<Row>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// A figure for each data set, from 0 to 1; in the row [`CHANGE`], a difference in points of a hundred.
    pub cells: Vec<Option<f64>>,
    /// The mean of the cells. None where one is missing.
    pub mean: Option<f64>,
}

impl RunScores {
    /// Of the run in this folder. None if nothing of it has a score yet. `named` gives the names of known sources.
    pub fn of(
        reader: &RunReader,
        name: String,
        named: impl Fn(Digest) -> Option<&'static str>,
    ) -> Result<Option<Self>, RecordError> {
        let summary = reader.summary()?;
        let Some(best) = summary.best_iteration_index else { return Ok(None) };
        let config = &summary.config;
        let objective = Objective::of(config);
        let is_tested = |index: u32| summary.test.iter().any(|test| test.index == index);
        let split = if is_tested(best) && is_tested(0) { Split::Test } else { Split::Val };
        let scores = scores(&summary, split);
        let entry = |(index, score): &(u32, &Score), row: String| {
            let figure = score.figure(objective);
            Entry {
                index: *index,
                row,
                value: figure.value,
                interval: figure.interval,
                n_examples: score.n_examples,
            }
        };
        let row = |index: u32| {
            let source = summary.iterations.iter().find(|it| it.index == index).map(|it| it.source_digest);
            source.and_then(&named).map_or_else(|| format!("baseline {index:03}"), str::to_owned)
        };
        let baselines = scores.iter().filter(|(index, _)| config.is_baseline(*index));
        let mut entries: Vec<Entry> = baselines.map(|it| entry(it, row(it.0))).collect();
        let against = objective.best(entries.iter().map(|it| (it.index, it.value)));
        let Some(found) = scores.iter().find(|(index, _)| *index == best) else { return Ok(None) };
        let best_entry = entry(found, BEST.to_owned());
        let mut damaged = Vec::new();
        let change = against.filter(|_| !config.is_baseline(best)).map(|(index, value)| Change {
            against: index,
            points: objective.unit().points(best_entry.value - value),
            paired: paired(reader, &scores, [index, best], (split, objective), &mut damaged),
        });
        let sampled = split == Split::Val && config.eval_split_size < config.task.val_size;
        let sample = (split.name(), best_entry.n_examples, sampled.then_some(config.seed));
        entries.push(best_entry);
        let mut warnings = warnings::of_run(&summary, &entries, split);
        warnings.extend(damaged.into_iter().map(|problem| format!("not compared: {problem}")));
        let Config { run_id, dataset, dataset_digest, target_model, proposer_model, mock, seed, .. } =
            summary.config;
        Ok(Some(Self {
            name,
            run_id,
            dataset,
            dataset_digest,
            split: split.name(),
            figure: objective.name(),
            target_model,
            proposer_model,
            mock,
            seed,
            entries,
            change,
            warnings,
            objective,
            sample,
        }))
    }

    /// The harness of this row.
    pub fn entry(&self, row: &str) -> Option<&Entry> {
        self.entries.iter().find(|it| it.row == row)
    }

    /// What its figures are called, and in which unit they are shown.
    pub fn objective(&self) -> Objective {
        self.objective
    }
}

/// The scores on a split, by index.
fn scores(summary: &Summary, split: Split) -> Vec<(u32, &Score)> {
    match split {
        Split::Test => summary.test.iter().map(|it| (it.index, &it.score)).collect(),
        _ => summary.iterations.iter().map(|it| (it.index, &it.score)).collect(),
    }
}

fn paired(
    reader: &RunReader,
    scores: &[(u32, &Score)],
    indexes: [u32; 2],
    (split, objective): (Split, Objective),
    damaged: &mut Vec<String>,
) -> Option<Paired> {
    let mut numbers = Numbers::default();
    let mut grades = |index: u32| {
        let (_, score) = scores.iter().find(|(other, _)| *other == index)?;
        let folder = if split == Split::Test { layout::held_out(index) } else { layout::iteration(index) };
        board::checked(reader, &layout::file(&folder, TRACES), &mut numbers, score, damaged)
    };
    let (before, after) = (grades(indexes[0])?, grades(indexes[1])?);
    Some(Paired::of(objective, &before, &after))
}
