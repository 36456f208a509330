//! What a search starts from.

use std::sync::Arc;

/// A harness that a search starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// A source, which is compiled in the jail.
    Source(String),
    /// A component that was made elsewhere. The run's configuration says what is known of it, see
    /// [`GivenComponent`](crate::format::GivenComponent).
    Component(Arc<[u8]>),
}

impl Baseline {
    /// The source. Empty where it is not recorded.
    pub fn source(&self) -> &str {
        match self {
            Self::Source(source) => source,
            Self::Component(_) => "",
        }
    }
}

impl<T: Into<String>> From<T> for Baseline {
    fn from(source: T) -> Self {
        Self::Source(source.into())
    }
}
