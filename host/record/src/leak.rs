//! Held-back examples that a candidate carries along.

use serde::{Deserialize, Serialize};

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The harness's Rust source.
    Source,
    /// A data segment of the component.
    Data,
}

/// An example that a candidate carries along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Where in the candidate it was found.
    pub place: Place,
    /// `val` or `test`.
    pub split: String,
    /// The example that the candidate has, such as `val-0007`.
    pub example_id: String,
    /// What of the example was found, at most 120 characters; hostile, as all text of a data set.
    pub excerpt: String,
}
