//! Limits how many calls go to one model at once. The limit falls when the provider says that there are too many, and
//! rises by one with each round of answered calls.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Complaints within this time concern the same burst of calls, and count once.
const ONE_BURST: Duration = Duration::from_secs(1);

/// The limit of calls to one model at once.
pub struct Throttle {
    most: f64,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limit: f64,
    in_flight: usize,
    lowered: Option<Instant>,
}

impl Throttle {
    /// At most this many calls at once, and at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        let state = State { limit: most, in_flight: 0, lowered: None };
        Self { most, state: Mutex::new(state), changed: Notify::new() }
    }

    /// No limit, until the provider complains.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Waits until another call is allowed.
    pub async fn acquire(&self) -> Permit<'_> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if (state.in_flight as f64) < state.limit.floor() {
                    state.in_flight += 1;
                    return Permit(self);
                }
            }
            changed.await;
        }
    }

    /// Whether the limit is below the first one, because the provider complained.
    pub fn is_lowered(&self) -> bool {
        self.state().limit < self.most
    }

    /// How many calls are allowed at once now.
    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state().limit as usize
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to make one call, until it is dropped.
pub struct Permit<'a>(&'a Throttle);

impl Permit<'_> {
    /// Notes an answered call. As many of them as the limit allows raise it by one.
    pub fn succeeded(&self) {
        let mut state = self.0.state();
        let before = state.limit as usize;
        state.limit = (state.limit + 1.0 / state.limit).min(self.0.most);
        if state.limit as usize > before {
            drop(state);
            self.0.changed.notify_one();
        }
    }

    /// Notes that the provider complained of too many calls: the limit becomes half of the calls in progress.
    pub fn overloaded(&self) {
        let mut state = self.0.state();
        if state.lowered.is_none_or(|at| at.elapsed() >= ONE_BURST) {
            // Calls in progress count, not the limit, which may be far above.
            state.limit = (state.limit.min(state.in_flight as f64) / 2.0).max(1.0);
            state.lowered = Some(Instant::now());
            tracing::info!(limit = state.limit as usize, "fewer calls at once");
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn complaints_halve_and_answers_raise() {
        let throttle = Throttle::new(8);
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(throttle.acquire().await);
        }
        permits[0].overloaded();
        permits[1].overloaded();
        assert_eq!(throttle.limit(), 4, "one burst counts once");
        for _ in 0..200 {
            permits[0].succeeded();
        }
        assert_eq!(throttle.limit(), 8, "never more than at first");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn never_more_than_allowed_and_nobody_is_forgotten() {
        let throttle = Arc::new(Throttle::new(3));
        let calls = (0..100).map(|at| {
            let throttle = throttle.clone();
            tokio::spawn(async move {
                let permit = throttle.acquire().await;
                assert!(throttle.state().in_flight <= 3);
                tokio::task::yield_now().await;
                if at % 10 == 0 { permit.overloaded() } else { permit.succeeded() }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("no panic");
        }
        assert_eq!(throttle.state().in_flight, 0);
    }
}
