//! Signatures of a run's statements, which lie beside the run.
//!
//! [`key`] makes and reads Ed25519 keys, [`envelope`] is the signed form of a statement, [`stated`] lists what a run or
//! an export states, [`bundle`] is the file of envelopes, and [`check`] says who signed what.

pub mod bundle;
pub mod check;
pub mod envelope;
pub mod key;
pub mod stated;

/// Why a key or a signature cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// A file is no key of the kind that is needed.
    #[error("{0}")]
    NoKey(String),
    /// The system has no random numbers.
    #[error("cannot make a key: the system gives no random numbers")]
    NoRandom,
    /// The run cannot be signed as it is.
    #[error("{0}")]
    NotSigned(String),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The run cannot be read.
    #[error(transparent)]
    Record(#[from] mmh_record::RecordError),
}
