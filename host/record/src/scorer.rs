//! Which program grades the answers of a task that has a metric of its own. What it took for an answer is in
//! [`format`](crate::format).

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// A task's own scorer, by its code. Another scorer makes another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScorerSpec {
    /// The digest of a Rust source, which the run has as `scorer.rs`.
    Source(Digest),
    /// The digest of a component, which the run has as `scorer.wasm`.
    Component(Digest),
}

impl ScorerSpec {
    /// The digest of the code.
    pub fn digest(self) -> Digest {
        match self {
            Self::Source(digest) | Self::Component(digest) => digest,
        }
    }
}
