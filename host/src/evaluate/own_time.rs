//! How long a harness's own code may take in one evaluation, `learn` and all examples together.
//!
//! Waiting for a model does not count: a slow model is nobody's fault. The time differs from machine to machine, so
//! it decides no score: a harness that takes too long has none.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::limits::Limits;

/// The status of a candidate that took too long.
pub const EVALUATION_TIMEOUT: &str = "evaluation-timeout";

/// What the calls of an evaluation have taken so far.
pub struct OwnTime {
    limit: Duration,
    spent_us: AtomicU64,
}

impl OwnTime {
    pub fn new(limits: &Limits, spent: Duration) -> Self {
        let this = Self { limit: Duration::from_millis(limits.evaluation_ms), spent_us: AtomicU64::new(0) };
        this.add(spent);
        this
    }

    /// Counts a call.
    pub fn add(&self, call: Duration) {
        let us = u64::try_from(call.as_micros()).unwrap_or(u64::MAX);
        self.spent_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn spent(&self) -> Duration {
        Duration::from_micros(self.spent_us.load(Ordering::Relaxed))
    }

    pub fn is_over(&self) -> bool {
        self.spent() > self.limit
    }

    /// Why an evaluation ended after so much of it.
    pub fn reason(&self, done: &str) -> String {
        format!(
            "the harness's own code took more than {} s, learn and examples together and waiting for models not counted: \
             stopped after {done}; --evaluation-timeout-s is the limit",
            self.limit.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up() {
        let limits = Limits { evaluation_ms: 2_000, ..Limits::default() };
        let own_time = OwnTime::new(&limits, Duration::from_millis(500));
        for (call_ms, is_over) in [(0, false), (1_500, false), (1, true)] {
            own_time.add(Duration::from_millis(call_ms));
            assert_eq!(own_time.is_over(), is_over, "{:?}", own_time.spent());
        }
        assert!(own_time.reason("3 of 9 examples").contains("more than 2 s"));
    }
}
