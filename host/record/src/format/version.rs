//! Which version of the format a reader understands.

use serde::{Deserialize, Deserializer, de::Error};

/// The major version of the run folder's format that this library writes, and the newest that it reads.
///
/// # The rule
///
/// A version has the form `major.minor`. The files have the major version only, as the number `schema_version`:
/// the first field of `config.json`, of `config` in `summary.json`, and of `config` in the `run.json` of an export.
///
/// - A new **minor** version adds fields or files. A reader passes over fields that it does not know, but in
///   `manifest.json` and `ledger.jsonl`, which hold nothing that may be passed over. A field that is younger than the
///   run is absent; the field's docs say what that means.
/// - A new **major** version changes what something means, takes it away, or adds a value that earlier readers cannot
///   read, such as a kind of row or of outcome. A reader refuses a major version that is newer than its own, with
///   a [`NewerSchema`] that names both versions and what to do. It reads all earlier ones.
///
/// The rule is kept in one place. It holds whenever a run is opened, so that no file of a newer run is misread, and
/// whenever a [`Config`](super::Config) is deserialized, alone or in another value.
///
/// # Changelog
///
/// No version was released so far. Versions 1.0 to 1.3 were written down together and are divided by subject, not by date.
/// So 1.1, 1.2 and 1.4 could add kinds of rows, 1.1, 1.2, 1.5 and 1.6 kinds of outcomes, and 1.3 and 1.5 could change what a field
/// means.
///
/// | version | what it added |
/// |---|---|
/// | 1.0 | A superset of mini-meta-harness's layout. In `config.json`: `schema_version`, `seed`, limits, prices, digests and versions. In `cost.json`: cache tokens, the budget, the split by iteration. In `summary.json`: `unscored` and `test`. In `eval_trace.jsonl`: the model, kinds of outcome, fuel, memory, calls, logs. In `score.json`: the interval, fuel, the size of prompts, outcomes. The files `proposer.jsonl`, `model_calls.jsonl`, `learn_trace.jsonl`, `state.bin` and `provenance.json` |
/// | 1.1 | Real models. In `config.json`: `budget_usd`, `providers`, `tiers` and `cache_write_1h` of prices, limits of attempts. In costs: `proposer_usd`, `target_usd` and `unknown_usd`. In `summary.json`: `stopped`. In `eval_trace.jsonl`: `cached_calls` and the outcome `budget-spent`. In `model_calls.jsonl`: `cached` and `price_tier`. In `proposer.jsonl`: `price_tier`, `attempts` and rows of type `trimmed`. In requests and replies: `continues`, `must_call_tool`, `raw`, `usage_estimated`, `reported_cost_usd`, `cache_write_1h_tokens`, blocks of type `thinking` and `other`, stop reasons in the provider's words |
/// | 1.2 | Proof. The files `manifest.json`, `test-result.json`, `trial_calls.jsonl`, `ledger.jsonl` and `leaks.json`. In `filesystem_reads.jsonl`: `step`. In `summary.json`: `parent`, `leaks` and `untested`. In `config.json`: `dataset_path`, `with_test`, `confinement`, `deny_leaks`, `patience`, `resumes`, `toolchain.linker`, `toolchain.compiler` and more limits. In `eval_trace.jsonl`: the outcome `record-limit`. In `model_calls.jsonl`: `failure` and `control`. In replies: `served_by`. In `proposer.jsonl`: rows of type `control` |
/// | 1.3 | Data sets. In `config.json`: `dataset_columns` and `task.findings`. `dataset_digest` is of the data set's content and no longer of its file's name: older runs have another digest for the same data |
/// | 1.4 | Grades: `score` and `parts` in `eval_trace.jsonl`, where an answer is worth more or less than `correct` says. Proposers that are no conversation: `proposer_kind` in `config.json`, rows of type `tool_call` in `proposer.jsonl` |
/// | 1.5 | Tasks. In `config.json`: `task.fields` and `task.metric`; `task.labels` are those of `train` or those that the task lists, and no longer those of all splits; the finding `unlisted-labels`. In `eval_trace.jsonl`: `fields` and the outcome `bad-grade`. In `score.json`: `mean_score`, `score_interval` and `mean_parts`. Batches of `learn` that grow: `learn_batches` in `config.json`. What the time went to: `time` in `summary.json` |
/// | 1.6 | Protocols. In `config.json`: `protocol`. A frontier of score and prompt tokens: the file `frontier.json`; in `score.json`: `mean_prompt_tokens`, `estimated_calls` and `mean_cost_usd`; in `eval_trace.jsonl`: `estimated_calls`. A task's own scorer: the kind `scorer` and the field `scorer` of `task.metric` in `config.json`, `scorer` in `eval_trace.jsonl` and `score.json`, the outcome `scorer-error`, the files `scorer.rs`, `scorer.wasm` and `scorer_calls.jsonl`. Trials: ids such as `val-0007~2` in traces and calls, `trials` in `score.json`, `sample` in a request. Online learning: `online_trace.jsonl`, `online` in `score.json`. The statuses `screened-out` and `asks-no-model` |
/// | 1.7 | Proposers by command. In `config.json`: `proposer_command`. The file `agent.log`. What proposers need. The file `notes.jsonl`. In `trial_calls.jsonl`: ids such as `trial-05-0/fold-2/train-0018`. In `config.json`: the limit `val_trials`, absent where it has its default; `candidate_budget_usd` and `target_facts`. The status `candidate-budget-spent` |
/// | 1.8 | Harnesses in other languages. In `config.json`: `harness_language`. The file `harness.py`, which takes the place of `harness.rs` in a run in Python |
/// | 1.9 | Baselines that are components. In `config.json`: `given_components`. The folder of such an iteration has `harness.wasm` and no source, and `provenance.json` has the build type `urn:mmh:build:given-component:1`. A harness in Python or JavaScript that ran out of memory has the outcome `memory-limit`; it was `panic` or `harness-error` |
pub const SCHEMA_VERSION: u32 = 1;

/// A run folder is of a newer major version than this library reads, by the rule of [`SCHEMA_VERSION`].
///
/// In a [`RecordError::Io`](crate::RecordError::Io) it is what is inside the I/O error, whose kind is
/// [`Unsupported`](std::io::ErrorKind::Unsupported).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has schema_version {found}, and this mmh reads versions up to {SCHEMA_VERSION}: use the version of mmh that wrote the run, or a newer one"
)]
pub struct NewerSchema {
    /// The major version of the folder.
    pub found: u64,
}

impl NewerSchema {
    /// The rule.
    fn check(found: u64) -> Result<(), Self> {
        if found > u64::from(SCHEMA_VERSION) { Err(Self { found }) } else { Ok(()) }
    }

    /// What the JSON text of a file says of its version, whatever its other fields hold. None where the version is
    /// understood, and where the text says nothing of it.
    pub(crate) fn of(json: impl std::io::Read) -> Option<Self> {
        let Sketch { schema_version, config } = serde_json::from_reader(json).ok()?;
        let found = schema_version.or_else(|| config?.schema_version)?;
        Self::check(found).err()
    }
}

/// As much of a file as says of which version it is.
#[derive(Deserialize)]
struct Sketch {
    schema_version: Option<u64>,
    config: Option<ConfigSketch>,
}

#[derive(Deserialize)]
struct ConfigSketch {
    schema_version: Option<u64>,
}

/// Reads a version that is not newer than what is understood.
pub(super) fn understood<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let found = u32::deserialize(deserializer)?;
    NewerSchema::check(found.into()).map_err(D::Error::custom)?;
    Ok(found)
}
