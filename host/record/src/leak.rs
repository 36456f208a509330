//! Held-back examples that a candidate carries along.

use serde::{Deserialize, Serialize};

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Source,
    /// A data segment of the component.
    Data,
}

/// An example that a candidate carries along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    pub place: Place,
    /// `val` or `test`.
    pub split: String,
    pub example_id: String,
    /// What of the example was found, at most 120 characters; hostile, as all text of a data set.
    pub excerpt: String,
}
