//! Validation and test examples that were found in a candidate.

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

/// An entry of `leaks.json`: an example that was found in a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Where in the candidate it was found.
    pub place: Place,
    /// `val` or `test`.
    pub split: String,
    /// The id of the example, such as `val-0007`.
    pub example_id: String,
    /// The part of the example that was found, at most 120 characters. It may be hostile, as all text of a data set.
    pub excerpt: String,
}

crate::recorded!(Vec<Leak>);
