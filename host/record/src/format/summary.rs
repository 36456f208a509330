//! `summary.json`: what a search came to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{config::Config, cost::Cost, evaluation::Score, proposal::ReadRow};
use crate::{digest::Digest, leak::Leak};

/// `summary.json`. Rewritten after every iteration; `finished_at` is set once the search is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What `config.json` says.
    pub config: Config,
    /// Iterations that have a score, by index. The baseline is the first where it was scored.
    pub iterations: Vec<IterationSummary>,
    /// Iterations that have no score, with the reason. They are not 0 %.
    pub unscored: Vec<Unscored>,
    /// All tokens and money of the run so far.
    pub total_cost: Cost,
    /// The best iteration on validation by the run's objective; of equals, the first. Null before any has a score.
    pub best_iteration_index: Option<u32>,
    /// The held-out scores of the baselines, of the best iteration, of what else the run's protocol asks for, and of iterations
    /// that had one when the run ended and was made longer afterwards.
    pub test: Vec<TestScore>,
    /// Harnesses that failed on the held-out examples and so have no held-out score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untested: Vec<Untested>,
    /// When the search was finished. Null while it goes on, and if it was stopped or cut off.
    pub finished_at: Option<Timestamp>,
    /// What the time of the search went to, up to the moment when this was written. Absent where the clock was fixed, and
    /// in runs that are older than this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeSpent>,
    /// Why the search was stopped early. Absent while it goes on, and if it was finished or cut off.
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
            time: None,
            stopped: None,
        }
    }
}

/// What the time of a search went to, in milliseconds on the clock. The parts add up to it. Each moment belongs to one
/// part: to the target if a call of it was under way, else to the proposer, else to compiling, else to the sandbox, else to
/// the host. A run that was resumed has the sum of its searches; where it was killed, the time after the last write of
/// `summary.json` is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpent {
    /// A call of the proposer was under way, with its attempts and the waiting between them.
    pub proposer_ms: u64,
    /// At least one call of the target was under way, with its attempts and the waiting between them.
    pub target_ms: u64,
    /// A source was compiled, or a component was made ready to run.
    pub compiling_ms: u64,
    /// A harness ran.
    pub sandbox_ms: u64,
    /// What was left: the tools of the proposer, recording, grading.
    pub own_ms: u64,
}

impl TimeSpent {
    /// The parts with their names, in the order in which they are shown.
    pub fn parts(&self) -> [(&'static str, u64); 5] {
        [
            ("proposer", self.proposer_ms),
            ("target", self.target_ms),
            ("compiling", self.compiling_ms),
            ("sandbox", self.sandbox_ms),
            ("own", self.own_ms),
        ]
    }

    /// All of it.
    pub fn total_ms(&self) -> u64 {
        self.parts().into_iter().fold(0, |sum, (_, part)| sum.saturating_add(part))
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            proposer_ms: self.proposer_ms.saturating_add(other.proposer_ms),
            target_ms: self.target_ms.saturating_add(other.target_ms),
            compiling_ms: self.compiling_ms.saturating_add(other.compiling_ms),
            sandbox_ms: self.sandbox_ms.saturating_add(other.sandbox_ms),
            own_ms: self.own_ms.saturating_add(other.own_ms),
        }
    }
}

/// A harness without a held-out score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untested {
    /// The iteration whose harness it is.
    pub index: u32,
    /// `evaluation-timeout`.
    pub status: String,
    /// What happened, in words.
    pub reason: String,
}

/// Why a search was stopped early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// `interrupted`, `budget-spent`, `model-unusable`, `baseline-broken` or `proposer-gave-up`.
    pub status: String,
    /// What happened, in words: for `model-unusable`, what the provider said.
    pub reason: String,
}

/// An iteration that was scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterationSummary {
    /// The iteration's number, which is the name of its folder in three digits. 0 is the baseline.
    pub index: u32,
    /// The earlier iteration whose source has most in common with this one. Null for the baseline.
    #[serde(default)]
    pub parent: Option<u32>,
    /// The harness's source: the content of `harness.rs`.
    pub harness_code: String,
    /// The proposer's reasoning: the content of `reasoning.md`.
    pub reasoning: String,
    /// What the proposer read: the lines of `filesystem_reads.jsonl`.
    pub filesystem_reads: Vec<ReadRow>,
    /// The score on the validation examples: the content of `score.json`.
    pub score: Score,
    /// The cost of proposing, trials, `learn` and the evaluation.
    pub cost: Cost,
    /// When its proposer was first asked; for the baseline, when it was first compiled.
    pub started_at: Timestamp,
    /// When its score was known.
    pub finished_at: Timestamp,
    /// The digest of `harness.rs`.
    pub source_digest: Digest,
    /// The digest of `harness.wasm`.
    pub component_digest: Digest,
    /// Validation and test examples that were found in the harness, the first 64. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
}

/// An iteration without a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unscored {
    /// The iteration's number.
    pub index: u32,
    /// `did-not-compile`, `gave-up`, `learn-failed`, `screened-out`, `asks-no-model`,
    /// `candidate-budget-spent`, `interrupted`, and the like.
    pub status: String,
    /// What happened, in words. If a source was refused, with the compiler's diagnostics.
    pub reason: String,
    /// What the iteration cost.
    pub cost: Cost,
    /// When its proposer was first asked; for the baseline, when it was first compiled.
    pub started_at: Timestamp,
    /// When it was given up.
    pub finished_at: Timestamp,
}

/// A held-out score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestScore {
    /// The iteration whose harness it is.
    pub index: u32,
    /// The score on the held-out examples: the content of `test/NNN/score.json`.
    pub score: Score,
}
