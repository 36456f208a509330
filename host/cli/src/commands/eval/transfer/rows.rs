//! What came of each target, and what is another with it.

use serde::Serialize;

use crate::commands::eval::of_run::OfRun;
use mmh_models::cancel::Stop;
use mmh_record::{
    data::DataFinding,
    digest::Digest,
    format::{Cost, Score},
    leak::Leak,
    objective::Objective,
};
use mmh_report::compare::{Grades, Paired, SIGNIFICANCE, holm};
use mmh_search::evaluate::replies;

/// What came of all targets.
#[derive(Serialize)]
pub struct Transferred<'a> {
    /// Whether every target has a score.
    pub ok: bool,
    /// The run, if the harness is one of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u32>,
    pub component_digest: Digest,
    pub dataset: &'a str,
    pub split: &'static str,
    pub seed: u64,
    /// What the changes are tested with, and how p-values are corrected.
    pub test: &'static str,
    pub correction: &'static str,
    pub significance: f64,
    /// What changes are measured against; nothing before anything has a score.
    pub against: Option<String>,
    pub targets: Vec<Row>,
    pub warnings: Vec<String>,
    pub data_findings: &'a [DataFinding],
    pub leaks: &'a [Leak],
    #[serde(skip)]
    pub objective: Objective,
}

/// One target.
#[derive(Serialize)]
pub struct Row {
    pub target: String,
    /// Whether this is what the run has on record: nothing was asked for it.
    pub recorded: bool,
    pub simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Against the row that is named in `against`, over the examples that both have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_per_example: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_example: Option<f64>,
    /// Absent for what is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<replies::Tally>,
    /// Why there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip)]
    pub grades: Grades,
    #[serde(skip)]
    pub stop: Option<Stop>,
}

/// What is another with this target.
#[derive(Clone, Copy, Serialize)]
pub struct Change {
    #[serde(flatten)]
    pub paired: Paired,
    pub points: f64,
    pub p_corrected: f64,
    pub more_than_noise: bool,
}

/// Compares each row with a score with the first that has one, and says which that is.
pub fn compare(objective: Objective, rows: &mut [Row]) -> Option<String> {
    let first = rows.iter().position(|row| row.score.is_some())?;
    let others: Vec<usize> = (first + 1..rows.len()).filter(|at| rows[*at].score.is_some()).collect();
    let pair = |at: &usize| Paired::of(objective, &rows[first].grades, &rows[*at].grades);
    let pairs: Vec<Paired> = others.iter().map(pair).collect();
    let corrected = holm(&pairs.iter().map(|it| it.p).collect::<Vec<_>>());
    for ((at, paired), p_corrected) in others.into_iter().zip(pairs).zip(corrected) {
        let (points, more_than_noise) = (paired.points(), p_corrected < SIGNIFICANCE);
        rows[at].change = Some(Change { paired, points, p_corrected, more_than_noise });
    }
    Some(rows[first].name())
}

impl Row {
    pub fn of(target: String, simulated: bool) -> Self {
        Self {
            target,
            recorded: false,
            simulated,
            score: None,
            change: None,
            prompt_tokens_per_example: None,
            calls_per_example: None,
            cost: None,
            replies: None,
            kind: None,
            message: None,
            grades: Grades::default(),
            stop: None,
        }
    }

    pub fn recorded(run: &OfRun, score: Score, grades: Grades) -> Self {
        let mut row = Self::of(run.config.target_model.clone(), run.config.mock);
        (row.recorded, row.grades) = (true, grades);
        row.scored(score);
        row
    }

    pub fn scored(&mut self, score: Score) {
        let n = score.n_answers().max(1) as f64;
        self.prompt_tokens_per_example = Some(score.total_input_tokens as f64 / n);
        self.calls_per_example = Some(score.mean_model_calls);
        self.score = Some(score);
    }

    /// The target's name, with what tells the record from an evaluation of now.
    pub fn name(&self) -> String {
        match self.recorded {
            true => format!("{} (recorded)", self.target),
            false => self.target.clone(),
        }
    }
}
