//! Ends a call when its time is over, even if the call never waits for anything.
//!
//! A call pauses after a fixed amount of fuel, and when it hands much to the host. The time is checked in every pause,
//! and whenever a host function returns to the call. Other tasks get a turn less often, because a turn of the
//! scheduler costs far more than a check. While a call waits for memory that others hold, its time stands still.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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

/// The time of one call. Clones are the same time.
#[derive(Clone)]
pub struct CallTime(Arc<Mutex<Left>>);

#[derive(Clone, Copy)]
enum Left {
    /// The call has time until then.
    Until(Instant),
    /// It stands still with so much left.
    Still(Duration),
}

impl CallTime {
    /// So much time from now on.
    pub fn new(wall: Duration) -> Self {
        Self(Arc::new(Mutex::new(Left::Until(Instant::now() + wall))))
    }

    /// How much is left.
    pub fn left(&self) -> Duration {
        match *self.state() {
            Left::Until(end) => end.saturating_duration_since(Instant::now()),
            Left::Still(left) => left,
        }
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.end().is_some_and(|end| Instant::now() >= end)
    }

    /// Stops the clock.
    pub fn stand_still(&self) {
        let left = self.left();
        *self.state() = Left::Still(left);
    }

    /// Starts the clock again.
    pub fn go_on(&self) {
        let left = self.left();
        *self.state() = Left::Until(Instant::now() + left);
    }

    /// When it is over; nothing while it stands still.
    fn end(&self) -> Option<Instant> {
        match *self.state() {
            Left::Until(end) => Some(end),
            Left::Still(_) => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    time: &CallTime,
    own: Duration,
    call: impl Future<Output = T>,
) -> (Option<T>, Duration) {
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
            if time.end().is_some_and(|end| now >= end) {
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
    let mut timer = pin!(tokio::time::sleep(time.left()));
    let mut armed = time.end();
    let ended = poll_fn(|context| {
        let begun = Instant::now();
        let polled = turn(context);
        own_time += begun.elapsed();
        if polled.is_ready() {
            return polled;
        }
        if own_time > own {
            return Poll::Ready(None);
        }
        if armed != time.end() {
            armed = time.end();
            timer.as_mut().reset((Instant::now() + time.left()).into());
        }
        // A timer that fires while the time stands still is armed again when the call goes on.
        match (armed, timer.as_mut().poll(context)) {
            (Some(_), Poll::Ready(())) => Poll::Ready(None),
            _ => Poll::Pending,
        }
    });
    (ended.await, own_time)
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
            let (found, own_time) = within(&CallTime::new(wall), own, pausing(pauses, wait)).await;
            assert_eq!(found, expected, "{name}");
            assert!(wait.is_zero() || own_time < wait, "{name}: waiting does not count: {own_time:?}");
        }
    }

    /// A call that stands still has as much time afterwards as before.
    #[tokio::test]
    async fn standing_still_takes_no_time() {
        let (soon, long) = (Duration::from_millis(60), Duration::from_millis(150));
        // name, what the call does after it stood still, what comes of it
        for (name, then, expected) in [("ends in time", soon / 4, Some(())), ("takes too long", long, None)] {
            let time = CallTime::new(soon);
            let (begun, still) = (Instant::now(), time.clone());
            let call = async move {
                still.stand_still();
                tokio::time::sleep(long).await;
                still.go_on();
                tokio::time::sleep(then).await;
            };
            assert_eq!(within(&time, Duration::MAX, call).await.0, expected, "{name}");
            assert!(begun.elapsed() >= long && begun.elapsed() < 2 * long, "{name}: {:?}", begun.elapsed());
        }
    }

    /// A call that only pauses leaves room for others.
    #[tokio::test]
    async fn others_get_their_turn() {
        let other = tokio::spawn(async {});
        let time = CallTime::new(Duration::from_secs(60));
        let busy = within(&time, Duration::MAX, async {
            while !other.is_finished() {
                pausing(1, Duration::ZERO).await;
            }
        });
        assert_eq!(busy.await.0, Some(()));
    }
}
