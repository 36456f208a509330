//! The error a harness ends an example with.

use std::fmt;

/// Why a harness gave no answer, or a scorer no grade. It becomes the example's `harness-error` outcome, word for word.
///
/// Anything that implements [`std::error::Error`] turns into one through `?`.
pub struct Error(String);

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(source: E) -> Self {
        Self(source.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns an [`Error`] with a formatted message from the function it stands in.
#[macro_export]
macro_rules! bail {
    ($($message:tt)*) => { return Err($crate::Error::new(format!($($message)*))) };
}
