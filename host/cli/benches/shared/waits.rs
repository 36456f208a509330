//! A table of what a user waits for, each figure beside what cannot be had for less, and its limit.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What sources contain, so that each can be made another component.
const CHANGING: &str = ".max_tokens(";

/// The head of the table.
pub fn head() {
    println!("{:<52} {:>11} {:>22} {:>11}", "", "measured", "beside", "limit");
}

/// A line of the table.
pub fn print(what: &str, measured: Duration, beside: Option<(&str, Duration)>, limit: Option<Duration>) {
    let beside = beside.map(|(what, took)| format!("{what} {}", shown(took))).unwrap_or_default();
    let verdict = if limit.is_none_or(|limit| measured <= limit) { "" } else { "  EXCEEDED" };
    let limit = limit.map_or_else(|| "-".to_owned(), shown);
    println!("{what:<52} {:>11} {beside:>22} {limit:>11}{verdict}", shown(measured));
}

fn shown(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds >= 1e-3 => format!("{:.1} ms", 1e3 * seconds),
        seconds => format!("{:.1} us", 1e6 * seconds),
    }
}

/// The one in the middle.
pub fn median(mut seen: Vec<Duration>) -> Duration {
    seen.sort();
    seen[seen.len() / 2]
}

/// A source whose component no cache has seen.
pub fn new_source(source: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    assert!(source.contains(CHANGING), "{source}");
    source.replacen(CHANGING, &format!("{CHANGING}{number} + "), 1)
}
