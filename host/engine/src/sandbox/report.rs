//! What a call into a harness or a scorer came to, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, Failure, Frame, LogLine};
use mmh_record::{outcome::OutcomeKind, text};

/// A call that has ended, and what it used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report<T> {
    /// What the call returned, or why it returned nothing.
    pub result: Result<T, Failure>,
    /// Units of fuel that it used.
    pub fuel: u64,
    /// Processor time of the call with its host functions, without waiting for a model. It differs from machine to
    /// machine, and no score depends on it.
    pub own_time: Duration,
    /// The largest sum of all its memories.
    pub peak_memory_bytes: u64,
    /// Its model calls, in the order of the requests.
    pub calls: Vec<Call>,
    /// What it logged, up to the limit. Empty if the call took too much room in the record.
    pub logs: Vec<LogLine>,
    /// What it printed: the start and the end, if it is longer than its limit.
    pub stdout: String,
    /// The same of its standard error, with the message of a panic.
    pub stderr: String,
    /// Where a trap happened, innermost frame first. Empty unless the sandbox is one of
    /// [`Sandbox::with_lines`](super::Sandbox::with_lines).
    pub backtrace: Vec<Frame>,
}

impl<T> Report<T> {
    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            fuel: 0,
            own_time: Duration::ZERO,
            peak_memory_bytes: 0,
            calls: Vec::new(),
            logs: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
            backtrace: Vec::new(),
        }
    }

    /// The same report with this failure, and without logs and output, which are then not recorded.
    pub(super) fn without_output(self, failure: Failure) -> Self {
        let (logs, stdout, stderr) = (Vec::new(), String::new(), String::new());
        let failure = match self.result {
            // A call that the wall clock has stopped could have ended in any way later.
            Err(ended) if ended.kind == OutcomeKind::Timeout => ended,
            _ => failure,
        };
        Self { result: Err(failure), logs, stdout, stderr, ..self }
    }

    /// Turns the result into another one, or into a failure.
    pub(super) fn and_then<U>(self, checked: impl FnOnce(T) -> Result<U, Failure>) -> Report<U> {
        Report {
            result: self.result.and_then(checked),
            fuel: self.fuel,
            own_time: self.own_time,
            peak_memory_bytes: self.peak_memory_bytes,
            calls: self.calls,
            logs: self.logs,
            stdout: self.stdout,
            stderr: self.stderr,
            backtrace: self.backtrace,
        }
    }

    /// Turns a result that is too large into a failure.
    pub(super) fn and_within(
        mut self,
        (what, option): (&str, &str),
        limit: u64,
        size: impl FnOnce(&T) -> usize,
    ) -> Self {
        let size = self.result.as_ref().map_or(0, size) as u64;
        if size > limit {
            let (size, limit) = (text::bytes(size), text::bytes(limit));
            let message = format!("the {what} has {size}, more than the limit of {limit} ({option})");
            self.result = Err(Failure::new(OutcomeKind::OutputLimit, message));
        }
        self
    }
}
