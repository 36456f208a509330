//! How long a call may take, how many attempts it has, and the waits between them.

use std::time::{Duration, Instant};

use crate::{Billing, ChatError, Fault};

/// The first wait, which doubles each time, and the longest one. A provider's own waiting time is kept instead.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(16);

/// How long a call may take, and how many attempts it has.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Most attempts, the first one included.
    pub attempts: u32,
    /// The longest time of one attempt, until the last byte of the reply.
    pub attempt: Duration,
    /// The longest time of all attempts and the waits between them.
    pub total: Duration,
    /// The options that set these two times, for messages: of an attempt, of a call.
    pub options: [&'static str; 2],
}

impl RetryPolicy {
    /// For models that answer at once or not at all.
    pub const ONCE: Self = Self {
        attempts: 1,
        attempt: Duration::MAX,
        total: Duration::MAX,
        options: ["--target-timeout-s", "--example-timeout-s"],
    };

    /// The deadline of a call that begins now, for a caller who has this much time left.
    pub(super) fn deadline(&self, time_left: Option<Duration>) -> Deadline {
        let total = time_left.map_or(self.total, |left| left.min(self.total));
        Deadline { begun: Instant::now(), total }
    }

    /// How long to wait before the next attempt. The error says why there is none, as the end of a message.
    pub(super) fn wait_after(
        &self,
        error: &ChatError,
        deadline: Deadline,
        attempts: u32,
    ) -> Result<Duration, String> {
        let (wait, is_last) = match error.fault {
            Fault::Passing(wait) => (wait, attempts >= self.attempts),
            // The throttle has waited, and has given up.
            Fault::Overload(wait) => (wait, true),
            Fault::Content | Fault::Account | Fault::Unclear => return Err(String::new()),
        };
        if is_last {
            return Err(format!("; given up after {}", so_many(attempts)));
        }
        self.in_time(wait.map_or_else(|| backoff(attempts), jittered), deadline, attempts)
    }

    /// The same wait, if the call still has that much time.
    pub(super) fn in_time(
        &self,
        wait: Duration,
        deadline: Deadline,
        attempts: u32,
    ) -> Result<Duration, String> {
        if wait < deadline.left() {
            return Ok(wait);
        }
        Err(format!(
            "; given up after {}: the next one would be in {:.1} s, and the call may take {:.0} s in all ({})",
            so_many(attempts),
            wait.as_secs_f64(),
            deadline.total.as_secs_f64(),
            self.options[1],
        ))
    }

    /// The error of an attempt without an answer within `limit`.
    pub(super) fn timed_out(&self, name: &str, limit: Duration) -> ChatError {
        let ([attempt, call], seconds) = (self.options, limit.as_secs_f64());
        let more = match limit < self.attempt {
            true => format!("all that was left of {call}; {attempt} limits one attempt"),
            false => format!("{attempt} gives it more time"),
        };
        let words = format!("{name} did not answer within {seconds:.1} s ({more})");
        ChatError { words, fault: Fault::Passing(None), billing: Billing::Unknown }
    }
}

/// When a call has to be over.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub begun: Instant,
    pub total: Duration,
}

impl Deadline {
    pub fn left(self) -> Duration {
        self.total.saturating_sub(self.begun.elapsed())
    }

    pub async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        if self.total == Duration::MAX {
            return Some(work.await);
        }
        tokio::time::timeout(self.left(), work).await.ok()
    }
}

fn so_many(attempts: u32) -> String {
    if attempts == 1 { "1 attempt".into() } else { format!("{attempts} attempts") }
}

/// Twice as long each time, with a random part, so that calls do not come back together.
pub(super) fn backoff(attempts: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << (attempts - 1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + 0.5 * fastrand::f64())
}

/// A provider's waiting time and up to a tenth more, so that calls do not come back together.
pub(super) fn jittered(wait: Duration) -> Duration {
    wait.saturating_add(Duration::from_millis(50)).mul_f64(1.0 + 0.1 * fastrand::f64())
}
