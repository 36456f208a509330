//! The run folder: the public contract of what a search leaves behind.
//!
//! [`format`](mod@format) is the contract, [`writer`] keeps it, [`reader`] reads it back, and [`layout`] lists every
//! kind of file. All access goes through an open folder handle, so that no name and no link leads out of the run.

#![warn(missing_docs)]

pub mod append;
pub mod built;
pub mod chat;
pub mod clock;
pub mod data;
pub mod digest;
mod folder;
pub mod format;
pub mod layout;
pub mod leak;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod objective;
pub mod outcome;
pub mod plain;
pub mod pricing;
pub mod provenance;
pub mod reader;
pub mod resumes;
pub mod stored;
pub mod text;
pub mod usage;
pub mod writer;

pub use folder::json_bytes;

/// A file of a run could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot {action} {file}: {source}")]
    Io { action: &'static str, file: String, source: std::io::Error },
    #[error("{file} is damaged: {problem}")]
    Damaged { file: String, problem: String },
    #[error("{file} has {}, more than the {} whose rows are taken into memory at once", text::bytes(*bytes), text::bytes(layout::MAX_ROWS_BYTES))]
    TooLarge { file: String, bytes: u64 },
    #[error("{file} is left out: it has {}, and the files before it have filled what is taken into memory", text::bytes(*bytes))]
    NoRoom { file: String, bytes: u64 },
    #[error("{file} has more rows than any run has: {limit}", limit = layout::MAX_ROWS)]
    TooManyRows { file: String },
    #[error("the run {run_id} exists already in {folder}; choose another --run-id")]
    Exists { run_id: String, folder: String },
    #[error(
        "{name:?} is no run id: use letters, digits, '.', '_' and '-', at most 64, not starting with '.'"
    )]
    RunId { name: String },
    #[error("the run {run} is being written by another mmh: wait until it has ended, or stop it")]
    Locked { run: String },
    #[error("there is no run at {path}: a run folder holds a config.json")]
    NoRun { path: String },
}
