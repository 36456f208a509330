//! Counts what a call takes in the run's record: requests, replies, logs and output, as JSON. A text of control
//! characters takes six times its size.
//!
//! The count is made here, in the order in which the harness asks, and not where lines are written. So it depends
//! neither on which reply comes first nor on other examples.

use std::io::{self, Write};

use serde::Serialize;

use super::{Failure, OutcomeKind, imports::LogLine};
use mmh_record::{layout::MAX_LINE_BYTES, limits::Limits, text};

/// Bytes of a line of the record besides request and reply.
const LINE_BYTES: u64 = 512;

/// The largest request of a line, in bytes. The reply has to fit in the same line.
const MAX_REQUEST_BYTES: u64 = MAX_LINE_BYTES / 4;

/// The room that a call has in the record, and how much of it is taken.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    limit_bytes: u64,
    used_bytes: u64,
    /// Whether a request was refused because it did not fit.
    pub is_full: bool,
}

impl Room {
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, is_full: false }
    }

    /// Takes room for a request, or says how many bytes it could have.
    pub fn take_request(&mut self, request: &impl Serialize) -> Result<(), u64> {
        let bytes = size(request);
        let left = self.limit_bytes.saturating_sub(self.used_bytes.saturating_add(LINE_BYTES));
        if bytes > left.min(MAX_REQUEST_BYTES) {
            self.is_full = true;
            return Err(left.min(MAX_REQUEST_BYTES));
        }
        self.used_bytes += LINE_BYTES + bytes;
        Ok(())
    }

    /// Takes room for what came back. It is counted even if there is not enough room.
    pub fn take(&mut self, value: &impl Serialize) {
        self.used_bytes = self.used_bytes.saturating_add(size(value));
    }

    /// Takes room for logs and output.
    pub fn take_output(&mut self, logs: &[LogLine], streams: [&str; 2]) {
        logs.iter().for_each(|line| self.take(&line.message));
        streams.iter().for_each(|stream| self.take(stream));
    }

    /// The failure of a call that took more room than it has.
    pub fn exceeded(&self, limits: &Limits) -> Option<Failure> {
        (self.used_bytes > self.limit_bytes).then(|| self.failure(limits, "its model calls, logs and output"))
    }

    /// The failure of a call that has no room left; `what` names what takes it.
    pub fn failure(&self, limits: &Limits, what: &str) -> Failure {
        let [used, share, whole] =
            [self.used_bytes, self.limit_bytes, limits.evaluation_record_bytes].map(text::bytes);
        let message = format!(
            "{what} take {used} in the record; its share is {share} of the {whole} that an evaluation may take (--evaluation-record-mib)"
        );
        Failure::new(OutcomeKind::RecordLimit, message)
    }
}

/// How many bytes a value takes as JSON.
fn size(value: &impl Serialize) -> u64 {
    struct Count(u64);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len() as u64);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // A value that cannot be written as JSON takes no room.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_do_not_fit_are_refused() {
        // name, room, texts that are asked with, how many of them fit
        let quoted = |bytes: u64| LINE_BYTES + bytes + 2;
        let table: [(&str, u64, &[&str], usize); 4] = [
            ("all of them", 10_000, &["one", "two"], 2),
            ("exactly", quoted(3), &["one"], 1),
            ("a byte too few", quoted(3) - 1, &["one"], 0),
            ("control characters take six bytes each", quoted(17), &["\u{1}\u{1}\u{1}"], 0),
        ];
        for (name, limit, texts, fit) in table {
            let mut room = Room::new(limit);
            let taken = texts.iter().take_while(|text| room.take_request(text).is_ok()).count();
            assert_eq!((taken, room.is_full), (fit, fit < texts.len()), "{name}");
            assert!(room.exceeded(&Limits::default()).is_none(), "{name}");
        }
    }

    #[test]
    fn what_comes_is_counted_and_named() {
        let mut room = Room::new(100);
        room.take(&"x".repeat(60));
        room.take_output(
            &[LogLine { level: crate::sandbox::LogLevel::Info, message: "y".repeat(20) }],
            ["", "z"],
        );
        assert!(room.exceeded(&Limits::default()).is_none(), "it still fits");
        room.take(&"more than there is");
        let found = room.exceeded(&Limits::default()).map(|failure| failure.message).unwrap_or_default();
        assert!(
            found.ends_with(
                "its share is 100 B of the 1 GiB that an evaluation may take (--evaluation-record-mib)"
            ),
            "{found}"
        );
    }
}
