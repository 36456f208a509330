//! `config.json`: what a run was asked to do, and with what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    agent::ProposerCommand, given::GivenComponent, protocol::Protocol, target::TargetFacts,
    version::understood,
};
use crate::{
    built::{Confinement, Tool},
    chat::Api,
    data::{Columns, DataFinding},
    digest::Digest,
    language::HarnessLanguage,
    limits::Limits,
    metric::MetricSpec,
    pricing::Price,
    resumes::Resume,
};

/// `config.json`: what a run was asked to do, and with what. Written first, and again only when a run goes on
/// with changed settings: then `resumes` says what was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The major version of the format. A version that is newer than this library is an error, see
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    #[serde(deserialize_with = "understood")]
    pub schema_version: u32,
    /// The run's name, which is also the name of its folder: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub run_id: String,
    /// Proposed iterations, besides the baseline 000.
    pub iterations: u32,
    /// The name of the data set, such as `symptoms-mini`.
    pub dataset: String,
    /// The path that the user gave for the data set. Absent for a data set that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_path: Option<String>,
    /// The columns that the user named. Absent if none were named.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub dataset_columns: Columns,
    /// How many validation examples score a harness: all of them, or a sample that `seed` draws.
    pub eval_split_size: usize,
    /// The id of the model that writes harnesses, and its key in `prices`.
    pub proposer_model: String,
    /// How the proposer works; then `proposer_model` is its name. Absent where it is a conversation with that model.
    #[serde(default, skip_serializing_if = "ProposerKind::is_conversation")]
    pub proposer_kind: ProposerKind,
    /// The command that proposes, and what is not known of it. Absent where no command does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposer_command: Option<ProposerCommand>,
    /// The id of the model that harnesses ask, and its key in `prices`.
    pub target_model: String,
    /// What the target's server said of it when the run began. Absent where it is not on this machine, or says nothing, which
    /// also holds for runs that are older than this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_facts: Option<TargetFacts>,
    /// Whether both models are simulated. Then scores show how the search works, and say nothing about a real model.
    pub mock: bool,
    /// When the run was created, in UTC, to the millisecond.
    pub started_at: Timestamp,
    /// The seed of the sample of validation examples, of the random numbers that harnesses see, and of what simulated
    /// models say.
    pub seed: u64,
    /// How many examples are evaluated at once. Scores do not depend on it.
    pub concurrency: usize,
    /// Whether the held-out examples are scored at the end.
    #[serde(default = "yes")]
    pub with_test: bool,
    /// The current limits. `resumes` says which of them were changed when the run went on.
    pub limits: Limits,
    /// Known prices, by model. Calls to a model without a price cost what its provider says, or nothing.
    pub prices: BTreeMap<String, Price>,
    /// The most that both models together may cost, in US dollars. Null for simulated models, which are free.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    /// The most that each candidate may cost, in US dollars: its proposal, and its evaluation on validation. Absent: as much as
    /// the budget allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate_budget_usd: Option<f64>,
    /// The servers of the models, by role: `proposer` and `target`. Absent for simulated models.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, ProviderInfo>,
    /// What the examples are about, and how many there are.
    pub task: TaskInfo,
    /// The digest of all rows of the data set in their order, and of name and instructions if they come from the data set's
    /// own `task.json`.
    pub dataset_digest: Digest,
    /// The language of the harnesses. Absent where that is Rust, as in all runs that are older than this field.
    #[serde(default, skip_serializing_if = "HarnessLanguage::is_rust")]
    pub harness_language: HarnessLanguage,
    /// What compiled the harnesses.
    pub toolchain: ToolchainInfo,
    /// The digest of the source of the guest SDK; in Python, where there is none, of the text that pins the compiler.
    pub sdk_digest: Digest,
    /// The digest of the compiled guest SDK: of all libraries that harnesses were linked
    /// with; in Python, of the files of `componentize-py`, which has the runtime.
    pub sdk_build_digest: Digest,
    /// The interface of the harnesses.
    pub wit: WitInfo,
    /// The version of `mmh` that began the run, such as `0.1.0`.
    pub host_version: String,
    /// Whether a harness that carries validation or test examples is refused.
    #[serde(default)]
    pub deny_leaks: bool,
    /// What confined the compiler. Runs that are older than this field were fully confined.
    #[serde(default)]
    pub confinement: Confinement,
    /// The search ends after this number of proposals in a row without a candidate. 0 means that it never ends for this
    /// reason, which also holds for runs that are older than this field.
    #[serde(default)]
    pub patience: u32,
    /// How many train examples each call of `learn` has, in order. Absent: 20 each, as in all runs that are older than
    /// this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learn_batches: Vec<usize>,
    /// How the search goes about it. Absent where that is the plain way, which also holds for runs that are older than this
    /// field.
    #[serde(default, skip_serializing_if = "Protocol::is_plain")]
    pub protocol: Protocol,
    /// The baselines that are components, which were not compiled here and whose sources are not recorded. Absent where there
    /// are none, as in all runs that are older than this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_components: Vec<GivenComponent>,
    /// What was changed each time that the run went on, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumes: Vec<Resume>,
}

impl Config {
    /// What is known of the baseline of this index, where it is a component.
    pub fn given(&self, index: u32) -> Option<&GivenComponent> {
        self.given_components.iter().find(|given| given.index == index)
    }
}

/// How a proposer works, and what its transcript consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposerKind {
    /// A conversation with a model, whose replies carry the tool calls.
    #[default]
    Conversation,
    /// Something that calls the tools directly, such as a script. Its tool calls are on record, and no replies.
    Tools,
}

impl ProposerKind {
    /// Whether it is one with a model, so that its tokens and its money are known.
    pub fn is_conversation(&self) -> bool {
        *self == Self::Conversation
    }
}

fn yes() -> bool {
    true
}

/// The server of a run's `proposer` or `target`, and how it was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// The provider's name in the catalog of `mmh models`, or the name that the user gave.
    pub provider: String,
    /// The wire format of its requests and replies.
    pub api: Api,
    /// The URL that all paths of the API begin with. No key is in it.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// Whether the model was asked to think before it answers.
    pub thinking: bool,
    /// Whether replies of earlier runs were used.
    pub reply_cache: bool,
    /// The price of the run's calls.
    pub price: Price,
}

/// What the examples are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// The question about each text. Every harness gets it.
    pub instructions: String,
    /// The labels of `train`, or those that the task lists, each once, sorted by their bytes. Harnesses get them in this
    /// order. Empty for an open task, whose answers are any text. In runs that are older than `metric`, those of all splits.
    pub labels: Vec<String>,
    /// Examples that harnesses may learn from.
    pub train_size: usize,
    /// Validation examples of the data set. `eval_split_size` of them were used.
    pub val_size: usize,
    /// Held-out examples.
    pub test_size: usize,
    /// What a careful user should know of the data set, such as texts that are in two splits. An empty list means that
    /// nothing was found. Absent in runs that are older than this field: nothing is known of their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<DataFinding>>,
    /// The names of the fields that an example has besides its text. Absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// How answers are graded. Absent where an answer is right if it equals the right one, but for white space around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricSpec>,
}

impl TaskInfo {
    /// The findings about held-out texts that are in another split as well: a held-out score says little about those texts.
    /// None where nothing is known.
    pub fn seen_tests(&self) -> Option<Vec<&DataFinding>> {
        let findings = self.findings.as_ref()?.iter();
        Some(findings.filter(|finding| finding.is_about_seen_tests()).collect())
    }
}

/// What compiles the harnesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolchainInfo {
    /// The output of `rustc -vV`. In another language than Rust, the name and version of its compiler.
    pub rustc: String,
    /// The target triple of the harnesses, such as `wasm32-wasip2`.
    pub target: String,
    /// The arguments of the compiler for every harness, without the paths of files.
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
    /// The name and version of the WIT package, such as `mmh:harness@2.0.0`.
    pub package: String,
    /// The digest of the package's text.
    pub digest: Digest,
}
