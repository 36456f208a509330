//! The run folder: the public contract of what a search leaves behind.
//!
//! This crate reads and writes run folders. It needs no other crate of `mmh`, prints nothing, and takes everything of
//! a run through one open folder handle, so that no name and no link leads out of the run.
//!
//! # A run in thirty lines
//!
//! ```
//! # fn main() -> Result<(), RecordError> {
//! #     scoreboard(Path::new("../../runs/example"))?.iter().for_each(|line| println!("{line}"));
//! #     Ok(())
//! # }
//! use std::path::Path;
//!
//! use mmh_record::{RecordError, objective::Objective, reader::RunReader};
//!
//! /// A line for each iteration of the run in this folder, by index. The best on validation has a star.
//! pub fn scoreboard(run: &Path) -> Result<Vec<String>, RecordError> {
//!     let summary = RunReader::open(run)?.summary()?;
//!     let (best, objective) = (summary.best_iteration_index, Objective::of(&summary.config));
//!     let scored = summary.iterations.iter().map(|it| {
//!         let (star, score) = (if best == Some(it.index) { '*' } else { ' ' }, &it.score);
//!         let figure = score.figure(objective);
//!         let line = format!("{star} {:03} {:>7} {}", it.index, figure.spaced(), figure.interval());
//!         (it.index, format!("{line} {} of {}", score.n_correct, score.n_examples))
//!     });
//!     let unscored = summary.unscored.iter().map(|it| (it.index, format!("  {:03} {}", it.index, it.status)));
//!     let mut lines: Vec<(u32, String)> = scored.chain(unscored).collect();
//!     lines.sort();
//!     Ok(lines.into_iter().map(|(_, line)| line).collect())
//! }
//! ```
//!
//! `examples/scoreboard.rs` is the same as a program. For `runs/example` it prints
//!
//! ```text
//!   000  41.7 % [19.3, 68.0] 5 of 12
//! * 001  58.3 % [32.0, 80.7] 7 of 12
//!   002  33.3 % [13.8, 60.9] 4 of 12
//!   003  58.3 % [32.0, 80.7] 7 of 12
//! ```
//!
//! # The layout
//!
//! A folder with a `config.json` is a run. The name of an iteration's folder is its number, in at least three digits.
//! [`format`](mod@format) documents the fields of every file. [`layout`] lists all files with their limits.
//!
//! ```text
//! RUN/
//!   config.json               Config        what the run was asked to do, with which tools and models
//!   cost.json                 CostFile      tokens and US dollars, in total and by iteration
//!   summary.json              Summary       scored iterations, others with the reason, the best, held-out scores
//!   ledger.jsonl              LedgerRow     money that was reserved and spent; none for simulated models
//!   manifest.json             Manifest      the digests of the files above, and of the manifests below
//!   iterations/000/                         the baseline; proposals follow from 001 on
//!     proposer.jsonl          TranscriptRow the proposer's conversation; not in 000
//!     filesystem_reads.jsonl  ReadRow       what the proposer read of the run; empty in 000
//!     trial_calls.jsonl       CallRow       calls to the target in the proposer's trials; not in 000
//!     notes.jsonl             NoteRow       notes of the proposer for later iterations; absent where there are none
//!     harness.rs              text          the harness's source; none where a baseline is a component
//!     reasoning.md            text          why the proposer wrote it so
//!     harness.wasm            bytes         the compiled harness
//!     provenance.json         statement     how the component was made: in-toto, SLSA
//!     leaks.json              [Leak]        held-back examples that the harness has; absent where there are none
//!     learn_trace.jsonl       LearnRow      what happened in `learn`, batch by batch
//!     eval_trace.jsonl        TraceRow      what happened on each validation example
//!     model_calls.jsonl       CallRow       calls to the target in `learn` and on the examples
//!     state.bin               bytes         what the harness learned; absent where that is nothing
//!     score.json              Score         what the harness scored on the validation examples
//!     test-result.json        statement     which component had which score on what: in-toto
//!     manifest.json           Manifest      the digests of the files of this folder
//!   test/000/                               the same harness on the held-out examples: learn_trace.jsonl (empty),
//!                                           eval_trace.jsonl, model_calls.jsonl, score.json, test-result.json,
//!                                           manifest.json
//! ```
//!
//! # The order of writing
//!
//! 1. A new run appears whole: `config.json`, `cost.json`, `summary.json` and `iterations/000/harness.rs`.
//! 2. Each iteration writes its files in the order of the list above. JSON Lines files grow line by line, while
//!    proposer and harness work: a reply is on record before anybody gets it, a reservation before its call goes out.
//!    All other files appear whole, under their names, once they are known.
//! 3. When an iteration has ended, its `manifest.json` is written, then `cost.json`, then `summary.json`: the summary
//!    decides which iterations are done.
//! 4. The held-out examples come after the last iteration, the best harness first, then the baseline.
//! 5. `summary.json` gets `finished_at` or `stopped`, and `manifest.json` of the run is written last.
//!
//! `config.json` is written again only when a run goes on with other settings. Its `resumes` then says what changed.
//!
//! # What a partial run looks like
//!
//! A run that goes on, was killed or lost its power is a valid run of which something is missing:
//!
//! - There is no `manifest.json` in the run's own folder, and none in the folder of the iteration that was under way.
//! - `summary.json` has neither `finished_at` nor `stopped`, and does not list that iteration. This differs from a run that
//!   was stopped by the user, the budget or a dead model: that run has `stopped`, lists the iteration among `unscored`, and
//!   has all manifests.
//! - The last line of a JSON Lines file may be cut. Such a line has no line feed, and [`reader::Rows`] skips it.
//! - Lines of an evaluation are in the order in which the examples were completed, not in the order of the examples.
//! - A file with a name like `.score.json.partial` was being written. It is no part of the run.
//!
//! [`RunReader::is_being_written`](reader::RunReader::is_being_written) says whether a run goes on at this moment.
//! `mmh run --resume` continues a partial run.
//!
//! # Versions
//!
//! The format has a version. [`format::SCHEMA_VERSION`] documents it, with the rule for readers and a changelog.
//!
//! # Recorded types
//!
//! Conversations with models are written and read through mirrors, [`format::chat`]: the names there are the recorded ones.
//! All other types of this crate that can be serialized are the record's own. Other crates use them as plain values. A
//! test pins the bytes of both kinds (`tests/recorded_names.rs`, `tests/replay_key.rs`).
//!
//! # What comes from strangers
//!
//! A run folder may come from anybody, and the texts of models and data sets may be hostile. This crate opens only plain
//! files that are within the limit of their kind, reads lines one at a time, and trusts no number. [`text`] makes text safe
//! to show. Reading a folder proves nothing of what it says: `mmh verify` makes the run again and compares.

pub mod append;
pub mod baseline;
pub mod built;
pub mod candidate;
pub mod chat;
pub mod clock;
pub mod data;
pub mod digest;
mod folder;
pub mod format;
pub mod grade;
pub mod input;
pub mod language;
pub mod layout;
pub mod leak;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod metric;
pub mod objective;
pub mod outcome;
pub mod plain;
pub mod pricing;
pub mod reader;
pub mod recorded;
pub mod resumes;
pub mod scorer;
pub mod statements;
pub mod stored;
pub mod text;
pub mod trial;
pub mod usage;
pub mod user_notes;
pub mod writer;

pub use folder::json_bytes;

/// A file of a run could not be written or read. Each error says what is wrong and, where there is one, what to do.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The system refused, or the file is one that is not opened: a link, a pipe, larger than files of its kind are, or
    /// [of a newer version](format::NewerSchema).
    #[error("cannot {action} {file}: {source}")]
    Io {
        /// What was tried, such as `read` or `append to`.
        action: &'static str,
        /// The file's path in the run, or the folder's.
        file: String,
        /// Why it did not work.
        source: std::io::Error,
    },
    /// A file is there and does not hold what files of its name hold.
    #[error("{file} is damaged: {problem}")]
    Damaged {
        /// The file's path in the run.
        file: String,
        /// What is wrong with it, in words, with the line where there are lines.
        problem: String,
    },
    /// All rows of a file were asked for at once, and they are too large for that. They can be read one at a time.
    #[error("{file} has {}, more than the {} whose rows are taken into memory at once", text::bytes(*bytes), text::bytes(layout::MAX_ROWS_BYTES))]
    TooLarge {
        /// The file's path in the run.
        file: String,
        /// The size of the file.
        bytes: u64,
    },
    /// A file has more rows than [`layout::MAX_ROWS`].
    #[error("{file} has more rows than any run has: {limit}", limit = layout::MAX_ROWS)]
    TooManyRows {
        /// The file's path in the run.
        file: String,
    },
    /// A new run has the id of one that is there.
    #[error("the run {run_id} exists already in {folder}; choose another --run-id")]
    Exists {
        /// The id of both.
        run_id: String,
        /// The folder of all runs.
        folder: String,
    },
    /// A new run has an id that cannot be a folder's name everywhere.
    #[error(
        "{name:?} is no run id: use letters, digits, '.', '_' and '-', at most 64, not starting with '.'"
    )]
    RunId {
        /// The id that was asked for.
        name: String,
    },
    /// Another process has the lock of the run's folder.
    #[error("the run {run} is being written by another mmh: wait until it has ended, or stop it")]
    Locked {
        /// The path of the run's folder.
        run: String,
    },
    /// The folder is not there, or has no `config.json`.
    #[error("there is no run at {path}: a run folder holds a config.json")]
    NoRun {
        /// The path that was named.
        path: String,
    },
}
