//! What stands in the files of a run folder. Field names are public; `schema_version` says what changed.
//!
//! Version 1: a superset of mini-meta-harness's layout. Added to it: `schema_version`, `seed`, limits,
//! prices, digests and versions in `config.json`; cache tokens, the budget and the split by iteration in
//! `cost.json`; `unscored`, `test` and `stopped` in `summary.json`; outcome kinds, fuel, memory, calls and logs in
//! `eval_trace.jsonl`; the interval, fuel, prompt size and outcomes in `score.json`; and the files
//! `proposer.jsonl`, `model_calls.jsonl`, `learn_trace.jsonl`, `state.bin`, `provenance.json`,
//! `test-result.json` and `manifest.json`.
//!
//! Added since, in `config.json`: `dataset_columns` and `task.findings`. `dataset_digest` is of the data set's content and
//! no longer of its file's name: runs from before name another digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::resumes::Resume;
use crate::{
    built::{Confinement, Tool},
    chat::{Api, CallError, ChatReply, ChatRequest, Control, Usage},
    data::{Columns, DataFinding},
    digest::Digest,
    leak::Leak,
    limits::Limits,
    outcome::OutcomeKind,
    pricing::{Price, Usd},
};

/// The version of everything here.
pub const SCHEMA_VERSION: u32 = 1;

/// `config.json`: what a run was asked to do, and with what. Written first, and again only when a run goes on
/// with changed settings: then `resumes` says what was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub schema_version: u32,
    pub run_id: String,
    /// Proposed iterations, besides the baseline 000.
    pub iterations: u32,
    pub dataset: String,
    /// What was named as the data set, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_path: Option<String>,
    /// The columns that were named on the command line.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub dataset_columns: Columns,
    pub eval_split_size: usize,
    pub proposer_model: String,
    pub target_model: String,
    /// Both models are simulated: accuracy shows how the search works, and says nothing about a real model.
    pub mock: bool,
    pub started_at: Timestamp,
    pub seed: u64,
    pub concurrency: usize,
    /// Whether the held-out examples are scored at the end.
    #[serde(default = "yes")]
    pub with_test: bool,
    pub limits: Limits,
    /// What was known of prices; a model without one cost what its provider said, or nothing.
    pub prices: BTreeMap<String, Price>,
    #[serde(default)]
    pub budget_usd: Option<f64>,
    /// Which servers were asked, and how. Empty for simulated models.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, ProviderInfo>,
    pub task: TaskInfo,
    /// Of every row, in order, and of name and instructions where they stand in the data set's own `task.json`.
    pub dataset_digest: Digest,
    pub toolchain: ToolchainInfo,
    pub sdk_digest: Digest,
    pub sdk_build_digest: Digest,
    pub wit: WitInfo,
    pub host_version: String,
    /// Whether a harness that carries validation or test examples is refused.
    #[serde(default)]
    pub deny_leaks: bool,
    /// What confined the compiler; before this field there was no choice.
    #[serde(default)]
    pub confinement: Confinement,
    /// So many proposals in a row without a candidate end the search; with 0, none do. Runs that are older
    /// than this field went on.
    #[serde(default)]
    pub patience: u32,
    /// What was changed when the run went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumes: Vec<Resume>,
}

fn yes() -> bool {
    true
}

/// The server of a run's `proposer` or `target`, and how it was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderInfo {
    pub provider: String,
    pub api: Api,
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    pub thinking: bool,
    /// Whether replies of earlier runs were used.
    pub reply_cache: bool,
    pub price: Price,
}

/// What the examples are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    pub instructions: String,
    pub labels: Vec<String>,
    pub train_size: usize,
    pub val_size: usize,
    pub test_size: usize,
    /// What a careful user should know of the data set, such as texts that stand in two splits. Empty where there is
    /// nothing; none in runs that are older than this field, of which nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<DataFinding>>,
}

impl TaskInfo {
    /// The findings on held-out texts that stand in another split as well: on those, a held-out score is no measure.
    /// None where nothing is known.
    pub fn seen_tests(&self) -> Option<Vec<&DataFinding>> {
        let findings = self.findings.as_ref()?.iter();
        Some(findings.filter(|finding| finding.is_about_seen_tests()).collect())
    }
}

/// What compiles the harnesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolchainInfo {
    /// All that `rustc -vV` says.
    pub rustc: String,
    pub target: String,
    pub flags: Vec<String>,
    /// The compiler, its libraries and its standard library. Empty in runs that are older than this field.
    #[serde(default)]
    pub compiler: Vec<Tool>,
    /// The programs that link, in the order in which they call each other. Empty in runs that are older
    /// than this field.
    #[serde(default)]
    pub linker: Vec<Tool>,
}

/// The contract between host and harness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WitInfo {
    pub package: String,
    pub digest: Digest,
}

/// Tokens and money of a part of a run. Cached tokens are part of the input tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub proposer_input_tokens: u64,
    pub proposer_output_tokens: u64,
    pub proposer_cache_read_tokens: u64,
    pub proposer_cache_write_tokens: u64,
    pub target_input_tokens: u64,
    pub target_output_tokens: u64,
    pub target_cache_read_tokens: u64,
    pub target_cache_write_tokens: u64,
    #[serde(default)]
    pub proposer_usd: f64,
    #[serde(default)]
    pub target_usd: f64,
    /// Both together. Each request at the rate of its own size; what a provider says that a call cost goes
    /// before what its tokens would.
    pub estimated_usd: f64,
    /// The most that calls without a usable answer may have cost besides. It counts against the budget.
    #[serde(default)]
    pub unknown_usd: f64,
}

impl Cost {
    /// What the target model used.
    pub fn of_target(usage: Usage, usd: f64) -> Self {
        Self {
            target_input_tokens: usage.total_input_tokens(),
            target_output_tokens: usage.output_tokens,
            target_cache_read_tokens: usage.cache_read_tokens,
            target_cache_write_tokens: usage.total_cache_write_tokens(),
            target_usd: usd,
            estimated_usd: usd,
            ..Self::default()
        }
    }

    /// What the proposer used.
    pub fn of_proposer(usage: Usage, usd: f64) -> Self {
        Self {
            proposer_input_tokens: usage.total_input_tokens(),
            proposer_output_tokens: usage.output_tokens,
            proposer_cache_read_tokens: usage.cache_read_tokens,
            proposer_cache_write_tokens: usage.total_cache_write_tokens(),
            proposer_usd: usd,
            estimated_usd: usd,
            ..Self::default()
        }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        // A stranger's run may say any number: sums stop at the largest.
        for (sum, more) in [
            (&mut self.proposer_input_tokens, other.proposer_input_tokens),
            (&mut self.proposer_output_tokens, other.proposer_output_tokens),
            (&mut self.proposer_cache_read_tokens, other.proposer_cache_read_tokens),
            (&mut self.proposer_cache_write_tokens, other.proposer_cache_write_tokens),
            (&mut self.target_input_tokens, other.target_input_tokens),
            (&mut self.target_output_tokens, other.target_output_tokens),
            (&mut self.target_cache_read_tokens, other.target_cache_read_tokens),
            (&mut self.target_cache_write_tokens, other.target_cache_write_tokens),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.proposer_usd = dollars(self.proposer_usd + other.proposer_usd);
        self.target_usd = dollars(self.target_usd + other.target_usd);
        self.estimated_usd = dollars(self.estimated_usd + other.estimated_usd);
        self.unknown_usd = dollars(self.unknown_usd + other.unknown_usd);
    }
}

/// Rounded to what money is counted in, so that a sum is the same in every order.
fn dollars(sum: f64) -> f64 {
    Usd::from_f64(sum).as_f64()
}

/// `cost.json`: the total, and the same by iteration. Rewritten after every iteration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostFile {
    #[serde(flatten)]
    pub total: Cost,
    pub mock: bool,
    pub budget_usd: Option<f64>,
    pub iterations: Vec<IterationCost>,
    /// The held-out evaluation after the search.
    pub test: Cost,
}

/// What one iteration used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterationCost {
    pub index: u32,
    #[serde(flatten)]
    pub cost: Cost,
}

/// `score.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Of 0 to 1. An example without a prediction counts as wrong.
    pub accuracy: f64,
    /// Wilson's 95 % interval of the accuracy.
    pub interval: Interval,
    pub n_examples: u64,
    pub n_correct: u64,
    /// Examples without a prediction.
    pub n_errors: u64,
    pub mean_latency_ms: f64,
    pub total_input_tokens: u64,
    pub total_output_tokens: u64,
    pub total_fuel: u64,
    pub max_fuel: u64,
    pub max_peak_memory_bytes: u64,
    /// All prompt text of an example, over its model calls.
    pub mean_prompt_bytes: f64,
    pub mean_model_calls: f64,
    /// Examples by kind of outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Fuel that `learn` used before the examples, and what its state is.
    pub learn_fuel: u64,
    pub state_bytes: u64,
    pub state_digest: Option<Digest>,
    /// Whether both models are simulated.
    pub mock: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// A line of `eval_trace.jsonl`: what happened on one example. In the examples' order once the
/// evaluation is complete, in the order of completion while it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRow {
    pub example_id: String,
    /// The target model's id; a simulated one says so by its name.
    pub model: String,
    pub input: String,
    pub gold_label: String,
    pub predicted_label: Option<String>,
    pub correct: bool,
    pub latency_ms: f64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Why there is no prediction.
    pub error: Option<String>,
    pub error_kind: OutcomeKind,
    pub fuel: u64,
    pub peak_memory_bytes: u64,
    pub model_calls: u32,
    /// Of these, how many were answered from the cache of replies.
    #[serde(default)]
    pub cached_calls: u32,
    pub prompt_bytes: u64,
    pub logs: Vec<LogRow>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

impl TraceRow {
    /// The log, a line for each note.
    pub fn log_lines(&self) -> Vec<String> {
        self.logs.iter().map(|log| format!("{}: {}", log.level, log.message)).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    pub level: String,
    pub message: String,
}

/// A line of `learn_trace.jsonl`: what one batch did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnRow {
    pub batch: usize,
    pub model: String,
    pub n_examples: usize,
    pub error: Option<String>,
    pub error_kind: OutcomeKind,
    pub fuel: u64,
    pub peak_memory_bytes: u64,
    pub model_calls: u32,
    pub state_bytes: u64,
    pub state_digest: Option<Digest>,
    pub logs: Vec<LogRow>,
}

/// A line of `model_calls.jsonl`: one call to the target model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRow {
    /// The example, or `learn-NNNN` for a batch.
    pub example_id: String,
    /// Which of the example's calls, from 0.
    pub call: u32,
    pub model: String,
    /// Of the request as it stands here.
    pub request_digest: Digest,
    pub request: ChatRequest,
    pub reply: Option<ChatReply>,
    pub error: Option<String>,
    /// The same, typed: enough to give the harness the very same error again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<CallError>,
    /// What the reply came to when it was made.
    pub usage: Usage,
    /// The reply was kept from before: it cost nothing now.
    #[serde(default)]
    pub cached: bool,
    pub cost_usd: f64,
    /// The request was priced at the rate for more than so many input tokens.
    #[serde(default)]
    pub price_tier: u64,
    /// How often the provider was asked.
    pub attempts: u32,
    pub latency_ms: f64,
    /// The control request that this call has brought about, if it did: it cost besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlRow>,
}

/// A small request of the host's own, by which it found out whether the model answers anybody after it had
/// not answered a call. Its tokens and its cost are part of the iteration's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlRow {
    pub answered: bool,
    pub usage: Usage,
    pub cost_usd: f64,
    #[serde(default)]
    pub price_tier: u64,
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

/// A line of `filesystem_reads.jsonl`: what the proposer read of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRow {
    pub path: String,
    /// The size of a text; of a summary, a trace or the data set, the size of what the proposer was given of it.
    pub bytes_read: u64,
    pub at: Timestamp,
    /// The proposer's turn, as in `proposer.jsonl`.
    #[serde(default)]
    pub step: u32,
}

/// A line of `proposer.jsonl`: the proposer's transcript, complete enough to replay it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TranscriptRow {
    /// What does not change within an iteration.
    Start { model: String, mock: bool, at: Timestamp, request: ChatRequest },
    /// What the model said.
    Reply {
        step: u32,
        at: Timestamp,
        reply: ChatReply,
        cost_usd: f64,
        #[serde(default)]
        price_tier: u64,
        #[serde(default)]
        attempts: u32,
        latency_ms: f64,
    },
    /// A control request that was sent after a call in this turn had got no reply.
    Control {
        step: u32,
        at: Timestamp,
        #[serde(flatten)]
        control: ControlRow,
    },
    /// What it was told next: tool results, or a nudge.
    Answer { step: u32, at: Timestamp, content: Vec<crate::chat::Block> },
    /// Results of earlier turns were taken out of the conversation, to make room for what follows.
    Trimmed { step: u32, tool_use_ids: Vec<String> },
    /// How it ended.
    End { at: Timestamp, outcome: String },
}

/// `summary.json`. Rewritten after every iteration; `finished_at` is set once the search is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub config: Config,
    pub iterations: Vec<IterationSummary>,
    /// Iterations that have no score, with the reason. They are not 0 %.
    pub unscored: Vec<Unscored>,
    pub total_cost: Cost,
    pub best_iteration_index: Option<u32>,
    /// The held-out scores: the baseline's, the best iteration's, and those of iterations that were the best
    /// when the run ended before it was made longer.
    pub test: Vec<TestScore>,
    /// Harnesses that were tried on the held-out examples and have no score, although nothing stopped the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested: Vec<Untested>,
    pub finished_at: Option<Timestamp>,
    /// Why the search ended before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

impl Summary {
    /// Of a run that has nothing but its configuration.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            iterations: Vec::new(),
            unscored: Vec::new(),
            total_cost: Cost::default(),
            best_iteration_index: None,
            test: Vec::new(),
            untested: Vec::new(),
            finished_at: None,
            stopped: None,
        }
    }
}

/// A harness without a held-out score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untested {
    pub index: u32,
    /// `evaluation-timeout`.
    pub status: String,
    pub reason: String,
}

/// Why a search ended before its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// `interrupted`, `budget-spent`, `model-unusable`, `baseline-broken` or `proposer-gave-up`.
    pub status: String,
    pub reason: String,
}

/// An iteration that was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterationSummary {
    pub index: u32,
    /// The earlier iteration that its source shares most with. None for the baseline.
    #[serde(default)]
    pub parent: Option<u32>,
    pub harness_code: String,
    pub reasoning: String,
    pub filesystem_reads: Vec<ReadRow>,
    pub score: Score,
    pub cost: Cost,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub source_digest: Digest,
    pub component_digest: Digest,
    /// Validation and test examples that it carries along, the first 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
}

/// An iteration without a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unscored {
    pub index: u32,
    /// `did-not-compile`, `gave-up`, `learn-failed`, `interrupted`, and the like.
    pub status: String,
    pub reason: String,
    pub cost: Cost,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
}

/// A held-out score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScore {
    pub index: u32,
    pub score: Score,
}
