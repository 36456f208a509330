//! Why an attempt gave no reply, and what follows from it.

use std::time::Duration;

use mmh_record::chat::ModelError;

/// An attempt that gave no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct ChatError {
    /// What happened, with the provider's own words if there are any, and what to change.
    pub words: String,
    /// Whose fault it is, which decides what is done next.
    pub fault: Fault,
    /// Whether it may have cost something.
    pub billing: Billing,
}

/// Whose fault it is that there is no reply, and whether another attempt can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may pass. The next attempt comes after the provider's own waiting time; without one, after a growing time.
    Passing(Option<Duration>),
    /// The same, because there are too many calls at once.
    Overload(Option<Duration>),
    /// The request's: it is too long, or a filter refused it.
    Content,
    /// The account's or the configuration's: every request is refused.
    Account,
    /// Unknown: the answer does not say whether only this request is refused.
    Unclear,
}

/// Whether an attempt without a reply may have cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// No: the provider refused the request, or never got it.
    Free,
    /// Unknown: the request was sent, and no usable reply came back.
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
