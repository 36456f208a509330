//! Ends a call when its time is over, also one that never waits for anything.
//!
//! A call pauses every so much fuel, and where it hands much to the host. The time is looked at in every
//! pause, and whenever the host has done something for the call; other tasks get their turn once in a while only,
//! because a turn of the scheduler costs far more.

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

/// A call that does not wait for anything goes on so long before others get their turn.
const SLICE: Duration = Duration::from_millis(10);

/// The time of a call was over when the host had done something for it.
#[derive(Debug, thiserror::Error)]
#[error("the time of the call is over")]
pub struct TimeIsOver;

/// A pause without a reason of its own.
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

/// What a call comes to, unless its time is over first, and how much time it took without waiting. A timer alone
/// fires only when a worker has nothing else to do, and a call that is ready again at once never leaves it without.
pub async fn within<T>(wall: Duration, call: impl Future<Output = T>) -> (Option<T>, Duration) {
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
        polled
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
    /// From now on whoever wakes the call wakes its task. Who has done so in the meantime is not forgotten.
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
        // name, pauses, wait, time, what comes of it
        let table = [
            ("at once", 0, Duration::ZERO, never, Some(0)),
            ("after many pauses", 100_000, Duration::ZERO, never, Some(100_000)),
            ("after waiting", 3, 20 * soon, never, Some(3)),
            ("pauses for ever", u64::MAX, Duration::ZERO, soon, None),
            ("waits for ever", 3, never, soon, None),
        ];
        for (name, pauses, wait, wall, expected) in table {
            let (found, own_time) = within(wall, pausing(pauses, wait)).await;
            assert_eq!(found, expected, "{name}");
            assert!(wait.is_zero() || own_time < wait, "{name}: waiting does not count: {own_time:?}");
        }
    }

    /// A call that only pauses leaves room for others.
    #[tokio::test]
    async fn others_get_their_turn() {
        let other = tokio::spawn(async {});
        let busy = within(Duration::from_secs(60), async {
            while !other.is_finished() {
                pausing(1, Duration::ZERO).await;
            }
        });
        assert_eq!(busy.await.0, Some(()));
    }
}
