//! The error a harness ends an example with.

use std::fmt;

/// Why a harness gave no answer, or a scorer no grade. It becomes the example's `harness-error` outcome, word for word.
///
/// Anything that implements [`std::error::Error`] turns into one through `?`.
///
/// ```
/// fn year(reply: &str) -> mmh_sdk::Result<u32> {
///     Ok(reply.trim().parse()?)
/// }
/// assert_eq!(year(" 1984\n")?, 1984);
/// assert_eq!(year("soon").unwrap_err().to_string(), "invalid digit found in string");
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
pub struct Error(String);

/// The result of everything here that can fail.
///
/// ```
/// use mmh_sdk::{Model, ModelError, Result};
/// fn sky(model: &Model) -> Result<String> {
///     Ok(model.ask("Rain or snow?")?.to_lowercase())
/// }
/// assert_eq!(sky(&Model::replies(["Rain"]))?, "rain");
/// let asked: Result<String, ModelError> = Model::replies(["Rain"]).ask("Rain or snow?");
/// assert!(asked.is_ok());
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with this message.
    ///
    /// ```
    /// use mmh_sdk::{Error, json};
    /// let label = |reply| json::extract_str(reply, "label").ok_or_else(|| Error::new("no label in the reply"));
    /// assert_eq!(label(r#"{"label": "flu"}"#)?, "flu");
    /// assert_eq!(label("Flu.").unwrap_err().to_string(), "no label in the reply");
    /// # Ok::<(), Error>(())
    /// ```
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
///
/// ```
/// use mmh_sdk::prelude::*;
/// fn checked(task: &Task, reply: &str) -> Result<Answer> {
///     let Some(label) = task.match_label(reply) else { bail!("no label in {reply:?}") };
///     Ok(Answer::new(label))
/// }
/// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
/// assert_eq!(checked(&task, "fog").unwrap_err().to_string(), "no label in \"fog\"");
/// ```
#[macro_export]
macro_rules! bail {
    ($($message:tt)*) => { return Err($crate::Error::new(format!($($message)*))) };
}
