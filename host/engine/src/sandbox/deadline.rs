//! Ends a call when its time is over, even if the call never waits for anything.
//!
//! A call pauses after a fixed amount of fuel, and when it hands much to the host. The time is checked in every pause,
//! and whenever a host function returns to the call. Other tasks get a turn less often, because a turn of the
//! scheduler costs far more than a check.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

/// A call that waits for nothing runs this long before other tasks get a turn.
const SLICE: Duration = Duration::from_millis(10);

/// The time of a call was over when a host function returned to it.
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is over")]
pub struct TimeIsOver;

/// Pauses once, so that the time is checked.
pub async fn pause() {
    let mut paused = false;
    poll_fn(|context| match std::mem::replace(&mut paused, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// The result of a call, or nothing if its time is over first: on the clock, or `own` without waiting; and the time it took
/// without waiting. A timer alone is not enough: it fires only when a worker is idle, and a call that is always ready
/// keeps its worker busy.
pub async fn within<T>(
    wall: Duration,
    own: Duration,
    call: impl Future<Output = T>,
) -> (Option<T>, Duration) {
    let deadline = Instant::now() + wall;
    let mut call = pin!(call);
    let mut own_time = Duration::ZERO;
    let mut turn = |context: &mut Context<'_>| {
        let pause = Arc::new(Pause {
            task: context.waker().clone(),
            polling: AtomicBool::new(true),
            woken: AtomicBool::new(false),
        });
        let waker = Waker::from(pause.clone());
        let mut now = Instant::now();
        let slice = now + SLICE;
        while now < slice {
            if now >= deadline {
                return Poll::Ready(None);
            }
            if let Poll::Ready(value) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(Some(value));
            }
            if !pause.woken.swap(false, SeqCst) {
                return pause.over();
            }
            now = Instant::now();
        }
        pause.woken.store(true, SeqCst);
        pause.over()
    };
    let watched = poll_fn(|context| {
        let begun = Instant::now();
        let polled = turn(context);
        own_time += begun.elapsed();
        match polled {
            Poll::Pending if own_time > own => Poll::Ready(None),
            polled => polled,
        }
    });
    let ended = tokio::time::timeout(wall, watched).await.ok().flatten();
    (ended, own_time)
}

/// Tells a call that is ready again at once from one that waits.
struct Pause {
    task: Waker,
    polling: AtomicBool,
    woken: AtomicBool,
}

impl Pause {
    /// From now on, waking the call wakes its task. A wake-up that came in the meantime is passed on.
    fn over<T>(&self) -> Poll<T> {
        self.polling.store(false, SeqCst);
        if self.woken.load(SeqCst) {
            self.task.wake_by_ref();
        }
        Poll::Pending
    }
}

impl Wake for Pause {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, SeqCst);
        if !self.polling.load(SeqCst) {
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A future that is ready again at once so many times, and then waits for so long.
    async fn pausing(pauses: u64, wait: Duration) -> u64 {
        for _ in 0..pauses {
            pause().await;
        }
        tokio::time::sleep(wait).await;
        pauses
    }

    #[tokio::test]
    async fn calls_end_by_themselves_or_in_time() {
        let (soon, never) = (Duration::from_millis(20), Duration::from_secs(3600));
        // name, pauses, wait, time on the clock, time without waiting, what comes of it
        let table = [
            ("at once", 0, Duration::ZERO, never, never, Some(0)),
            ("after many pauses", 100_000, Duration::ZERO, never, never, Some(100_000)),
            ("after waiting", 3, 20 * soon, never, 10 * soon, Some(3)),
            ("pauses for ever", u64::MAX, Duration::ZERO, soon, never, None),
            ("takes too much of its own", u64::MAX, Duration::ZERO, never, soon, None),
            ("waits for ever", 3, never, soon, never, None),
        ];
        for (name, pauses, wait, wall, own, expected) in table {
            let (found, own_time) = within(wall, own, pausing(pauses, wait)).await;
            assert_eq!(found, expected, "{name}");
            assert!(wait.is_zero() || own_time < wait, "{name}: waiting does not count: {own_time:?}");
        }
    }

    /// A call that only pauses leaves room for others.
    #[tokio::test]
    async fn others_get_their_turn() {
        let other = tokio::spawn(async {});
        let busy = within(Duration::from_secs(60), Duration::MAX, async {
            while !other.is_finished() {
                pausing(1, Duration::ZERO).await;
            }
        });
        assert_eq!(busy.await.0, Some(()));
    }
}
