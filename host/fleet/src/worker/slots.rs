//! How many calls a worker has begun. A call that waits for a model takes no processor, so that another one can begin.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// Most calls that a worker has begun at once, those that wait for a model included. Their memory is bounded besides.
const MOST: usize = 1_000;

/// Calls for each processor: one runs, and the next one is on its way.
const PER_PROCESSOR: usize = 2;

/// The calls of a worker. Clones are the same.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Shared>);

struct Shared {
    running_at_once: usize,
    counts: Mutex<Counts>,
    changed: Notify,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Calls that were begun.
    pub under_way: usize,
    /// Those of them that wait for a model.
    pub waiting: usize,
}

impl Slots {
    pub fn new(processors: usize) -> Self {
        let running_at_once = processors * PER_PROCESSOR;
        Self(Arc::new(Shared { running_at_once, counts: Mutex::default(), changed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counts(&self) -> Counts {
        *self.state()
    }

    fn free(&self) -> usize {
        let Counts { under_way, waiting } = self.counts();
        let running = under_way.saturating_sub(waiting);
        self.0.running_at_once.saturating_sub(running).min(MOST.saturating_sub(under_way))
    }

    /// Waits until calls can begin, and says how many.
    pub async fn some_free(&self) -> usize {
        loop {
            let changed = self.0.changed.notified();
            match self.free() {
                0 => changed.await,
                free => return free,
            }
        }
    }

    /// Waits until all calls have ended.
    pub async fn all_free(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.counts().under_way == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Begins a call, which ends when the value is dropped.
    pub fn begin(&self) -> Begun {
        self.state().under_way += 1;
        Begun { slots: self.clone(), models: Arc::default() }
    }
}

/// A call that was begun.
pub(crate) struct Begun {
    slots: Slots,
    models: Arc<AtomicUsize>,
}

impl Begun {
    /// What counts the model calls of this one.
    pub fn waits(&self) -> Waits {
        Waits { slots: self.slots.clone(), models: self.models.clone() }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.slots.state().under_way -= 1;
        self.slots.0.changed.notify_waiters();
    }
}

/// Counts the model calls that one call waits for.
#[derive(Clone)]
pub(crate) struct Waits {
    slots: Slots,
    models: Arc<AtomicUsize>,
}

impl Waits {
    /// One more model call, until the value is dropped.
    pub fn one(&self) -> Waiting {
        if self.models.fetch_add(1, Ordering::Relaxed) == 0 {
            self.slots.state().waiting += 1;
            self.slots.0.changed.notify_waiters();
        }
        Waiting(self.clone())
    }
}

/// A model call that is waited for.
pub(crate) struct Waiting(Waits);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.models.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.slots.state().waiting -= 1;
        }
    }
}

/// Never ends: a call that nobody waits for any more is dropped from outside.
pub(crate) async fn for_ever<T>() -> T {
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_calls_leave_room() {
        let slots = Slots::new(1);
        assert_eq!(slots.some_free().await, 2);
        let (one, other) = (slots.begin(), slots.begin());
        assert_eq!(slots.free(), 0);
        let (first, second) = (one.waits().one(), one.waits().one());
        assert_eq!(slots.some_free().await, 1, "a call waits, with two model calls");
        drop(first);
        assert_eq!(slots.free(), 1);
        drop(second);
        assert_eq!(slots.free(), 0);
        drop((one, other));
        slots.all_free().await;
        assert_eq!(slots.free(), 2);
    }
}
