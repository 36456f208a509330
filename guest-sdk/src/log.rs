//! Notes in the example's trace: `info!("asked {} times", n)`.
//!
//! They are part of what the proposer reads when an example fails. Natively they go to standard error.

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes one note. The macros are handier.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::glue::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// A note of level debug, with `format!`'s arguments.
#[macro_export]
macro_rules! debug {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Debug, &format!($($message)*)) };
}

/// A note of level info, with `format!`'s arguments.
#[macro_export]
macro_rules! info {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Info, &format!($($message)*)) };
}

/// A note of level warn, with `format!`'s arguments.
#[macro_export]
macro_rules! warn {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Warn, &format!($($message)*)) };
}

/// A note of level error, with `format!`'s arguments.
#[macro_export]
macro_rules! error {
    ($($message:tt)*) => { $crate::log::write($crate::log::Level::Error, &format!($($message)*)) };
}
