//! Why a call gave no reply, for whoever has to decide what to do about it.

use std::time::Duration;

use mmh_record::chat::ModelError;

/// One attempt that gave no reply, and what that means.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct ChatError {
    /// What happened, in the provider's words where it has said something, and what to change.
    pub words: String,
    pub fault: Fault,
    pub billing: Billing,
}

/// Whose trouble it is that there is no reply, and whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may pass: ask again after the provider's own waiting time, or else a growing one.
    Passing(Option<Duration>),
    /// The same, and there were too many calls at once.
    Overload(Option<Duration>),
    /// This request is refused for what stands in it: too long, or refused by a filter.
    Content,
    /// Every request is refused: the account's or the configuration's trouble.
    Account,
    /// It was refused, and the answer does not say whether every request is.
    Unclear,
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
    /// An error that cost nothing.
    fn from(error: ModelError) -> Self {
        let fault = match &error {
            ModelError::Refused(_) | ModelError::Invalid(_) => Fault::Content,
            ModelError::Unavailable(_) => Fault::Passing(None),
            ModelError::Unusable(_) => Fault::Account,
        };
        let words = match error {
            ModelError::Refused(words)
            | ModelError::Invalid(words)
            | ModelError::Unavailable(words)
            | ModelError::Unusable(words) => words,
        };
        Self { words, fault, billing: Billing::Free }
    }
}
