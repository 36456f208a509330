//! What the page knows of a run from the start: plain data, written as JSON for the page's scripts alone.
//!
//! No public format: a page and its data are made together. The long texts of traces are not here but in
//! `details`, one block an evaluation.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::proposals::{Claimed, Trials};

use super::{compared::Compared, diff::Change, usage::LimitUse};
use mmh_record::{
    format::{Config, Cost, CostFile, Score, Stopped, TimeSpent},
    layout,
    objective::{Objective, Unit},
};

/// A run.
#[derive(Debug, Serialize)]
pub struct Run {
    pub config: Config,
    pub objective: PageObjective,
    /// The source of the task's own scorer, where the run has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scorer: Option<String>,
    pub total_cost: Cost,
    /// Costs by iteration and of the held-out evaluation, where they are known.
    pub costs: Option<CostFile>,
    pub best: Option<u32>,
    /// What is meant by the baseline: the only one, or the best of several on validation.
    pub baseline: u32,
    pub finished_at: Option<Timestamp>,
    /// Whether a process is writing to the run, so that what is not finished is under way and not cut off.
    pub going: bool,
    pub stopped: Option<Stopped>,
    /// What the time of the search went to, where it was measured.
    pub time: Option<TimeSpent>,
    /// The labels of the task, then others that were predicted.
    pub labels: Vec<String>,
    /// Names of outcomes, as `Results` counts them.
    pub outcomes: Vec<&'static str>,
    pub val: Vec<ExampleText>,
    pub test: Vec<ExampleText>,
    /// Whether the texts of examples are cut to their beginnings, because there are too many of them.
    pub inputs_cut: bool,
    /// How many traces are not in the page, because there are too many of them. A page that is served has them all.
    pub traces_left_out: usize,
    /// By index, scored or not.
    pub iterations: Vec<Iteration>,
    pub held_out: Vec<HeldOut>,
    pub compared: Compared,
    pub limits: Vec<LimitUse>,
    /// What could not be read, and what is missing.
    pub problems: Vec<String>,
}

/// What candidates are compared by, and how the figure is written.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PageObjective {
    /// Its name.
    pub name: &'static str,
    /// The fields of a score that hold the figure and its interval.
    pub fields: [&'static str; 2],
    pub more_is_better: bool,
    /// By how much a figure is multiplied to be shown, and what stands behind it.
    pub factor: f64,
    pub sign: &'static str,
    /// The least and the most that a figure can be.
    pub range: [f64; 2],
}

impl PageObjective {
    pub fn of(objective: Objective) -> Self {
        let factor = match objective.unit() {
            Unit::Percent => 100.0,
        };
        let range = objective.range();
        Self {
            name: objective.name(),
            fields: objective.fields(),
            more_is_better: objective.more_is_better(),
            factor,
            sign: objective.unit().sign(),
            range: [range.low, range.high],
        }
    }
}

impl Run {
    /// The evaluations that have details: their names for the page, and their folders.
    pub fn evaluations(&self) -> Vec<(String, String)> {
        let val =
            self.iterations.iter().map(|it| (format!("val-{:03}", it.index), layout::iteration(it.index)));
        let test =
            self.held_out.iter().map(|it| (format!("test-{:03}", it.index), layout::held_out(it.index)));
        val.chain(test).collect()
    }
}

/// An example, without what came of it.
#[derive(Debug, Serialize)]
pub struct ExampleText {
    pub id: String,
    pub input: String,
    /// Index into `Run::labels`.
    pub gold: usize,
}

/// An iteration, as far as it has come.
#[derive(Debug, Serialize)]
pub struct Iteration {
    pub index: u32,
    /// `scored`, why it was not, `under way`, or `cut off`.
    pub status: String,
    pub reason: Option<String>,
    /// Held-back examples that it carries along; 64 stands for all above.
    pub leaks: usize,
    /// What must be said of its harness: that it asks no model.
    pub remark: Option<&'static str>,
    /// The earlier harness that its source shares most lines with: nobody has said so.
    pub parent: Option<u32>,
    pub reasoning: String,
    pub source: String,
    /// The source is a last submission that was refused, or one that is still being evaluated; or why there is none.
    pub source_note: Option<String>,
    /// From the parent's source to this one.
    pub changes: Vec<Change>,
    pub score: Option<Score>,
    pub cost: Option<Cost>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub source_digest: Option<String>,
    pub component_digest: Option<String>,
    pub component_bytes: Option<u64>,
    pub turns: Vec<Turn>,
    pub reads: Vec<Read>,
    /// Trials before the submission.
    pub trials: Trials,
    /// Notes for later iterations.
    pub notes: Vec<String>,
    /// What the agent that proposed says that it spent.
    pub claimed: Option<Claimed>,
    pub results: Results,
    pub provenance: Option<Value>,
    pub test_result: Option<Value>,
}

/// A held-out evaluation, as far as it has come.
#[derive(Debug, Serialize)]
pub struct HeldOut {
    pub index: u32,
    pub score: Option<Score>,
    pub results: Results,
}

/// One turn of the proposer, in brief.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    pub step: u32,
    pub at: Timestamp,
    pub text: String,
    pub thinking: String,
    pub tools: Vec<Tool>,
    /// Results of earlier turns that were taken out of the conversation before this one.
    pub trimmed: usize,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cost_usd: f64,
    pub latency_ms: f64,
}

impl Turn {
    /// A turn of a proposer that is no model: nothing is said and nothing is paid.
    pub fn without_reply(step: u32, at: Timestamp) -> Self {
        Self {
            step,
            at,
            text: String::new(),
            thinking: String::new(),
            tools: Vec::new(),
            trimmed: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: 0.0,
            latency_ms: 0.0,
        }
    }
}

/// A tool call, in brief.
#[derive(Clone, Debug, Serialize)]
pub struct Tool {
    pub id: String,
    pub name: String,
    pub arguments: String,
    /// Its result, in brief. None where the turn was cut off before.
    pub says: Option<String>,
    pub is_error: bool,
    pub bytes: usize,
}

/// A file that the proposer read.
#[derive(Clone, Debug, Serialize)]
pub struct Read {
    pub path: String,
    pub bytes: u64,
    pub step: u32,
    pub at: Timestamp,
}

/// What came of the examples: one column a fact, one entry an example.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    /// Index into `Run::val` or `Run::test`.
    pub example: Vec<u32>,
    /// Index into `Run::labels`; -1 where there is no prediction.
    pub predicted: Vec<i64>,
    /// 1 where the prediction is right.
    pub correct: Vec<u8>,
    /// Index into `Run::outcomes`.
    pub outcome: Vec<u8>,
    pub fuel: Vec<u64>,
    pub memory: Vec<u64>,
    pub calls: Vec<u32>,
    pub cached: Vec<u32>,
    pub prompt_bytes: Vec<u64>,
    pub input_tokens: Vec<u64>,
    pub output_tokens: Vec<u64>,
    pub latency_ms: Vec<f64>,
    /// What each answer is worth, where that is more than right or wrong says of any. Otherwise, there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub score: Vec<f64>,
}
