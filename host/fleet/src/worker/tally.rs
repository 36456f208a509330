//! How many calls a worker has ended, in all and lately.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How far "lately" goes back.
const LATELY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(crate) struct Tally {
    done: AtomicU64,
    /// When it was looked, and how many there were.
    looks: Mutex<VecDeque<(Instant, u64)>>,
}

impl Tally {
    /// One more call has ended.
    pub fn ended(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Notes how many there are now.
    pub fn tick(&self) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push_back((Instant::now(), self.done()));
        while looks.front().is_some_and(|(at, _)| at.elapsed() > LATELY) && looks.len() > 1 {
            looks.pop_front();
        }
    }

    /// Calls each second, lately.
    pub fn calls_per_s(&self) -> f64 {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, before)) = looks.front() else { return 0.0 };
        (self.done() - before) as f64 / at.elapsed().as_secs_f64().max(1.0)
    }
}
