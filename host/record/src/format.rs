//! The fields of every file of a run folder. Their names are public.
//!
//! | file | format | type |
//! |---|---|---|
//! | `config.json` | JSON | [`Config`] |
//! | `cost.json` | JSON | [`CostFile`] |
//! | `summary.json` | JSON | [`Summary`] |
//! | `ledger.jsonl` | JSON Lines | [`LedgerRow`](super::ledger::LedgerRow) |
//! | `manifest.json` | JSON | [`Manifest`](super::manifest::Manifest) |
//! | `harness.rs` | text | Rust source |
//! | `harness.wasm` | bytes | a WebAssembly component |
//! | `reasoning.md` | text | Markdown, as the proposer wrote it |
//! | `provenance.json` | JSON | an in-toto statement, see [`provenance`](super::statements::provenance) |
//! | `leaks.json` | JSON | a list of [`Leak`](super::leak::Leak) |
//! | `filesystem_reads.jsonl` | JSON Lines | [`ReadRow`] |
//! | `proposer.jsonl` | JSON Lines | [`TranscriptRow`] |
//! | `agent.log` | text | what the command of `--proposer-command` printed |
//! | `notes.jsonl` | JSON Lines | [`NoteRow`] |
//! | `trial_calls.jsonl` | JSON Lines | [`CallRow`] |
//! | `learn_trace.jsonl` | JSON Lines | [`LearnRow`] |
//! | `state.bin` | bytes | what the harness learned, in its own format |
//! | `eval_trace.jsonl` | JSON Lines | [`TraceRow`] |
//! | `model_calls.jsonl` | JSON Lines | [`CallRow`] |
//! | `score.json` | JSON | [`Score`] |
//! | `test-result.json` | JSON | an in-toto statement, see [`test_result`](super::statements::test_result) |
//!
//! A JSON Lines file has one JSON value in each line, and each line ends with a line feed. All text is UTF-8. Times are in
//! UTC, in the format of RFC 3339. Names of fields end with their unit: `_ms`, `_bytes`, `_tokens`, `_usd`. Fractions are
//! of 1. Digests are SHA-256, as 64 hexadecimal digits. [`SCHEMA_VERSION`] says how the format may change.
//!
//! A field of the type `Option` is null or absent if there is no value. A field with a default is absent from runs that are
//! older than the field. [`chat`] documents the fields of requests and replies.

mod agent;
pub mod chat;
mod config;
mod cost;
mod evaluation;
mod frontier;
mod given;
mod proposal;
mod protocol;
mod scoring;
mod summary;
mod target;
mod trials;
mod version;

pub use agent::ProposerCommand;
pub use config::{Config, ProposerKind, ProviderInfo, TaskInfo, ToolchainInfo, WitInfo};
pub use cost::{Cost, CostFile, IterationCost};
pub use evaluation::{CallRow, ControlRow, Interval, LearnRow, LogRow, Score, TraceRow};
pub use frontier::{ASKS_NO_MODEL, Frontier, FrontierMember, asks_no_model};
pub use given::{GivenComponent, GivenFrom, MAX_FILES as MAX_GIVEN_FILES};
pub use proposal::{NoteRow, ReadRow, TranscriptRow};
pub use protocol::{HeldOut, Learning, Protocol};
pub use scoring::{ScorerTotals, ScorerTrace};
pub use summary::{IterationSummary, Stopped, Summary, TestScore, TimeSpent, Unscored, Untested};
pub use target::{ChatTemplate, TargetFacts};
pub use trials::{OnlineScore, TrialScore};
pub use version::{NewerSchema, SCHEMA_VERSION};

crate::recorded!(
    CallRow,
    Config,
    CostFile,
    Frontier,
    LearnRow,
    NoteRow,
    ReadRow,
    Score,
    Summary,
    TraceRow,
    TranscriptRow
);
