//! Notes in the example's trace: `info!("asked {} times", n)`.
//!
//! They are part of what the proposer reads when an example fails. Natively they go to standard error.
//!
//! ```
//! use mmh_sdk::prelude::*;
//! let model = Model::replies(["rain"]);
//! let reply = model.ask("Rain or snow?")?;
//! info!("{reply:?} after {} calls", 16 - model.calls_left());
//! assert_eq!(model.calls_left(), 15);
//! # Ok::<(), Error>(())
//! ```

/// How much a note matters.
///
/// ```
/// use mmh_sdk::log::{self, Level};
/// let (asked, answered) = (3, 2);
/// let level = if answered == asked { Level::Debug } else { Level::Warn };
/// log::write(level, &format!("{answered} of {asked} calls gave a reply"));
/// assert_eq!(level, Level::Warn);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Details, of use when an example is looked at closely.
    Debug,
    /// What the harness did.
    Info,
    /// Something went wrong, and the harness goes on with less.
    Warn,
    /// Something failed.
    Error,
}

/// Writes one note. The macros are handier.
///
/// ```
/// use mmh_sdk::{Model, log};
/// let result = Model::replies([""; 0]).ask("Rain or snow?");
/// let level = if result.is_ok() { log::Level::Info } else { log::Level::Error };
/// log::write(level, &format!("{result:?}"));
/// assert_eq!(level, log::Level::Error);
/// ```
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::glue::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// A note of level debug, with `format!`'s arguments.
///
/// ```
/// use mmh_sdk::{debug, labels};
/// let words = labels::words("Fever, and a rash");
/// debug!("{} words: {words:?}", words.len());
/// assert_eq!(words.len(), 4);
/// ```
#[macro_export]
macro_rules! debug {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Debug, &format!($($message)*)) };
}

/// A note of level info, with `format!`'s arguments.
///
/// ```
/// use mmh_sdk::{Model, info};
/// let model = Model::replies(["rain", "snow"]);
/// let votes = [model.ask("Rain or snow?")?, model.ask("Snow or rain?")?];
/// info!("the order matters: {}", votes[0] != votes[1]);
/// assert_eq!(votes, ["rain", "snow"]);
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
#[macro_export]
macro_rules! info {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Info, &format!($($message)*)) };
}

/// A note of level warn, with `format!`'s arguments.
///
/// ```
/// use mmh_sdk::{Task, warn};
/// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
/// let label = task.match_label("fog").unwrap_or_else(|| {
///     warn!("no label in the reply, so the first one");
///     &task.labels[0]
/// });
/// assert_eq!(label, "rain");
/// ```
#[macro_export]
macro_rules! warn {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Warn, &format!($($message)*)) };
}

/// A note of level error, with `format!`'s arguments.
///
/// ```
/// use mmh_sdk::{Model, error};
/// let reply = Model::replies(["rain"]).with_calls(0).ask("Rain or snow?").unwrap_or_else(|problem| {
///     error!("{problem}, so the more frequent label");
///     "snow".to_owned()
/// });
/// assert_eq!(reply, "snow");
/// ```
#[macro_export]
macro_rules! error {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Error, &format!($($message)*)) };
}
