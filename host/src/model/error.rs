//! Why a call gave no reply, for whoever has to decide what to do about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a call gave no reply, as a harness, a trace and a person read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ModelError {
    #[error("the model refused: {0}")]
    Refused(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("the request is invalid: {0}")]
    Invalid(String),
    /// No call will succeed before somebody changes something: a wrong key, no credit, no such model.
    #[error("{0}")]
    Unusable(String),
}

/// One attempt that gave no reply, and what may be done next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ChatError {
    pub error: ModelError,
    pub retry: Retry,
    pub billing: Billing,
}

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// After the provider's own waiting time, or else a growing one.
    Later(Option<Duration>),
    /// The same, and there were too many calls at once.
    Overloaded(Option<Duration>),
}

/// Whether an attempt without a reply may have cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// The provider said no, or never got the request.
    Free,
    /// The request went out and nothing usable came back: nobody knows.
    Unknown,
}

impl From<ModelError> for ChatError {
    /// An error that is final and free.
    fn from(error: ModelError) -> Self {
        Self { error, retry: Retry::Never, billing: Billing::Free }
    }
}

/// Why a call of a run gave no reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum CallError {
    #[error("the run's budget is spent")]
    BudgetSpent,
    #[error(transparent)]
    #[serde(untagged)]
    Model(#[from] ModelError),
}
