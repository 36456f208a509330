//! What a call takes in the run's record: requests, replies, logs and output, counted as they will stand
//! there. A text of control characters takes six times its size.
//!
//! It is counted here and not where lines are written, in the order in which the harness asks: so it does not
//! depend on which reply comes first, nor on what other examples do.

use std::io::{self, Write};

use serde::Serialize;

use super::{Failure, OutcomeKind, imports::LogLine};
use mmh_record::{layout::MAX_LINE_BYTES, limits::Limits, text};

/// What a line of the record has besides request and reply.
const LINE_BYTES: u64 = 512;

/// The longest request of a line: there has to be room for its reply.
const MAX_REQUEST_BYTES: u64 = MAX_LINE_BYTES / 4;

/// The room that a call has in the record, and what it has taken of it.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    limit_bytes: u64,
    used_bytes: u64,
    /// Something did not fit.
    pub is_full: bool,
}

impl Room {
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: 0, is_full: false }
    }

    /// Takes room for a request, or says how many bytes there are.
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

    /// Takes room for what came: it is there, so it is counted in any case.
    pub fn take(&mut self, value: &impl Serialize) {
        self.used_bytes = self.used_bytes.saturating_add(size(value));
    }

    /// Takes room for logs and output.
    pub fn take_output(&mut self, logs: &[LogLine], streams: [&str; 2]) {
        logs.iter().for_each(|line| self.take(&line.message));
        streams.iter().for_each(|stream| self.take(stream));
    }

    /// Why the outcome is not recorded, if it takes more than there is.
    pub fn exceeded(&self, limits: &Limits) -> Option<Failure> {
        (self.used_bytes > self.limit_bytes).then(|| self.failure(limits, "its model calls, logs and output"))
    }

    /// The ending of a call that found no room in the record.
    pub fn failure(&self, limits: &Limits, what: &str) -> Failure {
        let [used, share, whole] =
            [self.used_bytes, self.limit_bytes, limits.evaluation_record_bytes].map(text::bytes);
        let message = format!(
            "{what} take {used} in the record; its share is {share} of the {whole} that an evaluation may take"
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
    // What cannot be written as JSON takes no room.
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
        room.take_output(&[LogLine { level: "info", message: "y".repeat(20) }], ["", "z"]);
        assert!(room.exceeded(&Limits::default()).is_none(), "it still fits");
        room.take(&"more than there is");
        let found = room.exceeded(&Limits::default()).map(|failure| failure.message).unwrap_or_default();
        assert!(found.ends_with("its share is 100 B of the 1 GiB that an evaluation may take"), "{found}");
    }
}
