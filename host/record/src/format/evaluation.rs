//! What an evaluation leaves: its score, and a line for every example, batch and model call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ScorerTotals, ScorerTrace,
    trials::{OnlineScore, TrialScore},
};
use crate::{
    chat::{CallError, ChatReply, ChatRequest, Control},
    digest::Digest,
    grade::Grade,
    input::Field,
    outcome::OutcomeKind,
    pricing::Usd,
    usage::Usage,
};

/// `score.json`: what a harness scored on the examples of one evaluation, and what that took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The fraction of examples that were answered right, from 0 to 1. An example without a prediction counts as wrong. With
    /// several trials of each example: the mean over the examples of the fraction of their trials that were right.
    pub accuracy: f64,
    /// Wilson's 95 % interval of the accuracy. With several trials Student's, of the means of the examples: trials of one
    /// example are not independent.
    pub interval: Interval,
    /// The mean score of all examples, from 0 to 1. An example without a prediction has 0. Absent where answers are right or
    /// wrong: then the accuracy says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<f64>,
    /// Student's 95 % interval of the mean score; Wilson's where all scores are the same, or are 0 or 1. Absent without `mean_score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<Interval>,
    /// The means of the parts of all grades, by name. An example without a prediction has 0. Absent where there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mean_parts: BTreeMap<String, f64>,
    /// Examples that were evaluated. If there are none, the accuracy is 0.
    pub n_examples: u64,
    /// Examples whose prediction is right. With several trials, all trials count.
    pub n_correct: u64,
    /// Examples without a prediction. With several trials, all trials count.
    pub n_errors: u64,
    /// Mean wall clock of an example in milliseconds, with the waiting for the model. It differs from run to run.
    pub mean_latency_ms: f64,
    /// Input tokens of all examples, cached or not. Calls in `learn` are not counted.
    pub total_input_tokens: u64,
    /// Output tokens of all examples. Calls in `learn` are not counted.
    pub total_output_tokens: u64,
    /// Wasmtime fuel of all examples, without `learn_fuel`.
    pub total_fuel: u64,
    /// The most fuel that one example took.
    pub max_fuel: u64,
    /// The most memory that one example had, in bytes.
    pub max_peak_memory_bytes: u64,
    /// Mean size of the prompts of an example, all its model calls together.
    pub mean_prompt_bytes: f64,
    /// Mean input tokens of an example, cached or not, all its model calls together. Absent in runs that are older than this
    /// field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_prompt_tokens: Option<f64>,
    /// Model calls whose tokens the provider did not tell, so that they were estimated from the size of the texts. Absent
    /// where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_calls: u64,
    /// What the model calls of an example cost on average, in US dollars. Replies that the reply cache had cost nothing. Absent
    /// where that is nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mean_cost_usd: f64,
    /// Mean number of calls of an example to the target model. Calls that the reply cache answered count too.
    pub mean_model_calls: f64,
    /// Examples by kind of outcome, see [`OutcomeKind::name`]. Kinds without an example are absent.
    pub outcomes: BTreeMap<String, u64>,
    /// Fuel that `learn` used before the examples.
    pub learn_fuel: u64,
    /// The size of what the harness learned. 0 where it learned nothing.
    pub state_bytes: u64,
    /// The digest of `state.bin`, which holds what the harness learned. Null where it learned nothing.
    pub state_digest: Option<Digest>,
    /// What the task's own scorer took. Absent where the task has none, and where no example has an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerTotals>,
    /// Whether both models are simulated.
    pub mock: bool,
    /// What several trials of each example came to. Absent where each had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<TrialScore>,
    /// What the train examples scored when they were predicted while learning. Absent where learning comes first, and in
    /// held-out scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<OnlineScore>,
}

/// An interval of a fraction of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end, 0 or more.
    pub low: f64,
    /// The upper end, 1 or less.
    pub high: f64,
}

/// A line of `eval_trace.jsonl`: what happened on one example. Lines are in the order of completion while the evaluation
/// goes on, and in the order of the examples once it is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    /// The example's split and its place in the split, such as `val-0007`; `val-0007~2` is its second trial, see
    /// [`TrialId`](crate::trial::TrialId). No id has two lines.
    pub example_id: String,
    /// The target model's id; a simulated one says so by its name.
    pub model: String,
    /// The example's text.
    pub input: String,
    /// What the example asks besides its text. Absent where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The right answer.
    pub gold_label: String,
    /// The harness's answer as it gave it. Null where it gave none; then `error` says why.
    pub predicted_label: Option<String>,
    /// Whether the prediction is the right answer, letter by letter, but for white space around it.
    pub correct: bool,
    /// What the answer is worth, from 0 to 1. Absent where `correct` says it: 1 if the answer is correct, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the score is made of, by name, each from 0 to 1. Absent where there are no parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// How the task's own scorer graded the answer. Absent where the task has none, and where there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<ScorerTrace>,
    /// Wall clock of the example in milliseconds, waiting for the model included and grading not.
    pub latency_ms: f64,
    /// Input tokens of the example's calls, cached or not.
    pub input_tokens: u64,
    /// Output tokens of the example's calls.
    pub output_tokens: u64,
    /// Why there is no prediction, in words. Null where there is one.
    pub error: Option<String>,
    /// How the example ended. `ok` where there is a prediction, right or wrong.
    pub error_kind: OutcomeKind,
    /// Wasmtime fuel that the example took: the same on every machine.
    pub fuel: u64,
    /// The most memory that the harness had at once.
    pub peak_memory_bytes: u64,
    /// Calls to the target model. Each has a line in `model_calls.jsonl`.
    pub model_calls: u32,
    /// How many of these calls the reply cache answered.
    #[serde(default)]
    pub cached_calls: u32,
    /// How many of these calls have tokens that the provider did not tell, so that they were estimated from the size of the
    /// texts. Absent where that is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub estimated_calls: u32,
    /// All prompt text of the example's calls.
    pub prompt_bytes: u64,
    /// What the harness logged, in its order.
    pub logs: Vec<LogRow>,
    /// What the harness wrote to standard output. Absent if it wrote nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// What the harness wrote to standard error, such as a panic's message. Absent if it wrote nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

impl TraceRow {
    /// What the answer is worth. A stranger's row may say any number: see [`Grade::check`].
    pub fn grade(&self) -> Grade {
        Grade::recorded(self.correct, self.score, self.parts.clone())
    }

    /// The same row with this grade.
    pub fn with_grade(self, grade: Grade) -> Self {
        let Grade { score, correct, parts } = grade;
        let plain = Grade::right_or_wrong(correct).score;
        Self { correct, score: (score != plain).then_some(score), parts, ..self }
    }

    /// The log, a line for each note.
    pub fn log_lines(&self) -> Vec<String> {
        self.logs.iter().map(|log| format!("{}: {}", log.level, log.message)).collect()
    }
}

/// One note of a harness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What the harness said. It may hold any characters: see [`text::plain`](crate::text::plain).
    pub message: String,
}

/// A line of `learn_trace.jsonl`: what one batch did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnRow {
    /// The batch's number, from 0. Batch 7 has the id `learn-0007` in `model_calls.jsonl`.
    pub batch: usize,
    /// The target model's id.
    pub model: String,
    /// How many train examples the harness was given.
    pub n_examples: usize,
    /// Why the batch failed, in words. Null where it gave a state. The iteration then has no score.
    pub error: Option<String>,
    /// How the batch ended.
    pub error_kind: OutcomeKind,
    /// Wasmtime fuel of this batch alone.
    pub fuel: u64,
    /// The most memory that the harness had at once.
    pub peak_memory_bytes: u64,
    /// Calls to the target model in this batch.
    pub model_calls: u32,
    /// The size of the state after this batch. 0 where it failed.
    pub state_bytes: u64,
    /// The digest of the state after this batch. The next batch begins with this state. Null where the batch failed.
    pub state_digest: Option<Digest>,
    /// What the harness logged, in its order.
    pub logs: Vec<LogRow>,
}

/// A line of `model_calls.jsonl`, `scorer_calls.jsonl` or `trial_calls.jsonl`: one call to the target model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRow {
    /// The id of the example, or `learn-NNNN` for a batch. In a trial, the id of the trial stands before it:
    /// `trial-05-0/val-0018` belongs to turn 5 of the proposer, and `trial-05-0/scorer/val-0018` to the scorer in it. In cross-validation the fold follows the
    /// trial: `trial-05-0/fold-2/train-0018`.
    pub example_id: String,
    /// Which of the example's calls, from 0.
    pub call: u32,
    /// The target model's id.
    pub model: String,
    /// The digest of `request`: of its JSON without white space.
    pub request_digest: Digest,
    /// What the harness asked.
    pub request: ChatRequest,
    /// What the model said. Null where the call failed.
    pub reply: Option<ChatReply>,
    /// Why the call failed, in words. Null where there is a reply.
    pub error: Option<String>,
    /// The same error as typed data, with which a replay gives the harness exactly the same error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CallError>,
    /// The tokens of the reply when it was made, also if it came from the reply cache now.
    pub usage: Usage,
    /// Whether the reply came from the reply cache. Then it cost nothing.
    #[serde(default)]
    pub cached: bool,
    /// What the call cost now, in US dollars.
    pub cost_usd: f64,
    /// The tier of the price: the request was priced at the rate for more than this number of input tokens.
    #[serde(default)]
    pub price_tier: u64,
    /// How often the provider was asked. 0 if the reply came from the cache, or if there was no money or no time to ask.
    pub attempts: u32,
    /// Wall clock of the call in milliseconds, with all attempts and the waiting between them.
    pub latency_ms: f64,
    /// The control request that was sent because of this call, if there was one. Its cost is not part of `cost_usd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlRow>,
}

/// A control request: a small request of the host's own, sent after the model had not answered a call. It finds out whether
/// the model answers any request. Its tokens and its cost belong to the iteration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlRow {
    /// Whether the model answered. Then the call before was refused for its own content.
    pub answered: bool,
    /// The tokens of the control request.
    pub usage: Usage,
    /// What it cost, in US dollars.
    pub cost_usd: f64,
    /// As in [`CallRow`].
    #[serde(default)]
    pub price_tier: u64,
    /// How often it was sent.
    pub attempts: u32,
}

impl ControlRow {
    /// What is recorded of a control request.
    pub fn of(control: Control) -> Self {
        let Control { answered, usage, cost, price_tier, attempts } = control;
        Self { answered, usage, cost_usd: cost.as_f64(), price_tier, attempts }
    }

    /// The same, read back.
    pub fn control(self) -> Control {
        let Self { answered, usage, cost_usd, price_tier, attempts } = self;
        Control { answered, usage, cost: Usd::from_f64(cost_usd), price_tier, attempts }
    }
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A row as earlier versions wrote it, with these fields besides.
    fn row(more: Value) -> TraceRow {
        let mut row = json!({
            "example_id": "val-0000", "model": "m", "input": "i", "gold_label": "a", "predicted_label": null,
            "correct": false, "latency_ms": 0.0, "input_tokens": 0, "output_tokens": 0,
            "error": null, "error_kind": "ok", "fuel": 0, "peak_memory_bytes": 0, "model_calls": 0,
            "cached_calls": 0, "prompt_bytes": 0, "logs": [],
        });
        let (Value::Object(fields), Value::Object(more)) = (&mut row, more) else { panic!("objects") };
        fields.extend(more);
        serde_json::from_value(row).expect("a row")
    }

    #[test]
    fn a_grade_survives_its_row() {
        let parts = || BTreeMap::from([("recall".to_owned(), 0.25)]);
        // name, grade, which fields a row has for it
        let table = [
            ("wrong", Grade::right_or_wrong(false), json!({ "correct": false })),
            ("right", Grade::right_or_wrong(true), json!({ "correct": true })),
            (
                "partial credit",
                Grade { score: 0.5, correct: false, parts: parts() },
                json!({ "correct": false, "score": 0.5, "parts": { "recall": 0.25 } }),
            ),
            (
                "right without a full score",
                Grade { score: 0.75, correct: true, ..Grade::default() },
                json!({ "correct": true, "score": 0.75 }),
            ),
            (
                "wrong with parts",
                Grade { parts: parts(), ..Grade::default() },
                json!({ "correct": false, "parts": { "recall": 0.25 } }),
            ),
        ];
        for (name, grade, fields) in table {
            assert_eq!(row(fields.clone()).grade(), grade, "{name}: read");
            let written = row(json!({})).with_grade(grade);
            assert_eq!(written, row(fields.clone()), "{name}: written");
            let text: Value = serde_json::to_value(&written).expect("JSON");
            for field in ["correct", "score", "parts"] {
                assert_eq!(text.get(field), fields.get(field), "{name}: {field}");
            }
        }
    }
}
