//! Limits the time of a harness's own code in one evaluation: `learn` and all examples together.
//!
//! Waiting for a model does not count, because a slow model is not the harness's fault. The time differs from machine to
//! machine, so it changes no score: a harness that takes too long gets none.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use mmh_record::limits::Limits;

/// The status of a candidate that took too long.
pub const EVALUATION_TIMEOUT: &str = "evaluation-timeout";

/// The time of an evaluation's calls so far.
pub struct OwnTime {
    /// `None`: the time is not limited.
    limit: Option<Duration>,
    spent_us: AtomicU64,
    reason: String,
}

impl OwnTime {
    /// The time of an evaluation with these limits, of which some is spent.
    pub fn new(limits: &Limits, spent: Duration) -> Self {
        let limit = Some(Duration::from_millis(limits.evaluation_ms));
        let this = Self { limit, spent_us: AtomicU64::new(0), reason: reason(limits) };
        this.add(spent);
        this
    }

    /// The time of a repeated evaluation, which is not limited. `limits` are those that the recorded one may have had,
    /// and `words` are its recorded reason.
    pub fn claimed(limits: &[Limits], words: Option<&str>) -> Self {
        let mut reasons = limits.iter().map(reason);
        let is_meant = |it: &String| words.is_some_and(|words| words.starts_with(it.as_str()));
        let reason = reasons.clone().find(is_meant).or_else(|| reasons.next()).unwrap_or_default();
        Self { limit: None, spent_us: AtomicU64::new(0), reason }
    }

    /// Counts the time of a call.
    pub fn add(&self, call: Duration) {
        let us = u64::try_from(call.as_micros()).unwrap_or(u64::MAX);
        self.spent_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Takes over the time of another account that went on from this one.
    pub fn set(&self, spent: Duration) {
        let us = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        self.spent_us.store(us, Ordering::Relaxed);
    }

    /// The time so far.
    pub fn spent(&self) -> Duration {
        Duration::from_micros(self.spent_us.load(Ordering::Relaxed))
    }

    /// Whether it exceeds the limit.
    pub fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.spent() > limit)
    }

    /// Why an evaluation was stopped. `done` says how much of it was done.
    pub fn reason(&self, done: &str) -> String {
        format!("{}{done}; --evaluation-timeout-s is the limit", self.reason)
    }
}

fn reason(limits: &Limits) -> String {
    format!(
        "the harness's own code took more than {} s, learn and examples together and waiting for models not counted: \
         stopped after ",
        limits.evaluation_ms as f64 / 1000.0
    )
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

    #[test]
    fn a_claimed_reason_has_the_limit_that_it_names() {
        let limits = [9_000, 2_000].map(|evaluation_ms| Limits { evaluation_ms, ..Limits::default() });
        let said = OwnTime::new(&limits[1], Duration::ZERO).reason("1 of 4 examples");
        let table = [
            ("the limit of then", Some(said.as_str()), "more than 2 s"),
            ("another text", Some("it was slow"), "more than 9 s"),
            ("nothing", None, "more than 9 s"),
        ];
        for (name, words, expected) in table {
            let own_time = OwnTime::claimed(&limits, words);
            own_time.add(Duration::from_secs(3600));
            assert!(!own_time.is_over() && own_time.reason("1 of 4").contains(expected), "{name}");
        }
    }
}
