//! `config.json`: what a run was asked to do, and with what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::version::understood;
use crate::{
    built::{Confinement, Tool},
    chat::Api,
    data::{Columns, DataFinding},
    digest::Digest,
    limits::Limits,
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
    /// What was named as the data set, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_path: Option<String>,
    /// The columns that were named on the command line.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub dataset_columns: Columns,
    /// How many validation examples score a harness: all of them, or a sample that `seed` draws.
    pub eval_split_size: usize,
    /// The id of the model that writes harnesses, and its key in `prices`.
    pub proposer_model: String,
    /// How the proposer works; then `proposer_model` is its name. Absent where it is a conversation with that model.
    #[serde(default, skip_serializing_if = "ProposerKind::is_conversation")]
    pub proposer_kind: ProposerKind,
    /// The id of the model that harnesses ask, and its key in `prices`.
    pub target_model: String,
    /// Both models are simulated: accuracy shows how the search works, and says nothing about a real model.
    pub mock: bool,
    /// When the run was created, in UTC, to the millisecond.
    pub started_at: Timestamp,
    /// Draws the sample of validation examples, the random numbers that harnesses see, and what simulated models
    /// say.
    pub seed: u64,
    /// How many examples are evaluated at once. No score depends on it.
    pub concurrency: usize,
    /// Whether the held-out examples are scored at the end.
    #[serde(default = "yes")]
    pub with_test: bool,
    /// The limits that hold now; `resumes` says what they were before.
    pub limits: Limits,
    /// What was known of prices; a model without one cost what its provider said, or nothing.
    pub prices: BTreeMap<String, Price>,
    /// The most that both models together may cost, in US dollars. Null for simulated models, which are free.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    /// Which servers were asked, and how, by role: `proposer` and `target`. Empty for simulated models.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, ProviderInfo>,
    /// What the examples are about, and how many there are.
    pub task: TaskInfo,
    /// Of every row, in order, and of name and instructions where they stand in the data set's own `task.json`.
    pub dataset_digest: Digest,
    /// What compiled the harnesses.
    pub toolchain: ToolchainInfo,
    /// Of the source of the guest SDK.
    pub sdk_digest: Digest,
    /// Of the compiled guest SDK: all libraries that harnesses were linked with.
    pub sdk_build_digest: Digest,
    /// The interface of the harnesses.
    pub wit: WitInfo,
    /// The version of `mmh` that began the run, such as `0.1.0`.
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
    /// What was changed when the run went on, the first time first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumes: Vec<Resume>,
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
    fn is_conversation(&self) -> bool {
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
    /// What the run's calls were priced with.
    pub price: Price,
}

/// What the examples are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// What is asked of each text. Every harness gets it.
    pub instructions: String,
    /// All labels of the data set, each once, in the order of their bytes. Harnesses get them so.
    pub labels: Vec<String>,
    /// Examples that harnesses may learn from.
    pub train_size: usize,
    /// Validation examples of the data set. `eval_split_size` of them were used.
    pub val_size: usize,
    /// Held-out examples.
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
    /// The target triple of the harnesses, such as `wasm32-wasip2`.
    pub target: String,
    /// What rustc was told for every harness, without the paths of files.
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
    /// Of the package's text.
    pub digest: Digest,
}
