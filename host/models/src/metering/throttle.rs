//! Limits how many calls go to one model at once. The limit falls when the provider says that there are too many, and rises
//! by one with each round of answered calls.
//!
//! A complaint is about all calls together, so it is judged here and not by the call that it came to. Calls that went out
//! before the latest complaint are of the same burst, and count once. After a complaint nobody asks for a while, and the
//! oldest call is the first that may ask again: so none waits for ever.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::{Either, select};
use tokio::sync::{Notify, oneshot};

use super::retry_policy::{backoff, jittered};

/// A limit that a complaint lowers, as a part of the calls in progress: when it was a little too high, because it had risen
/// step by step, and when nothing is known.
const A_LITTLE_LESS: f64 = 0.75;
const HALF: f64 = 0.5;

/// The limit of calls to one model at once.
pub struct Throttle {
    most: f64,
    state: Mutex<State>,
    /// Tells those who wait that nobody may ask for a while.
    closed: Notify,
}

struct State {
    limit: f64,
    in_flight: usize,
    /// Complaints in a row, without an answer to a call that was sent after one of them. A first one after answers is not
    /// among them: the limit had risen by one too many.
    complaints: u32,
    /// Complaints since the last answer to whatever call. A strict server refuses the rest of a burst before it has answered
    /// the first calls of it, so these count too: it is there.
    unanswered: u32,
    was_one_too_many: bool,
    lowered: Option<Instant>,
    pause: Option<Pause>,
    /// Who waits for a turn: when each call began, and its number.
    waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    next: u64,
}

/// No call goes out for a while.
#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    /// Whether the provider has said how long.
    is_told: bool,
}

/// What follows from a complaint of too many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// The call waits for its turn again: fewer calls at once may be answered.
    AskAgain,
    /// One burst after the other was refused as a whole, each smaller than the one before.
    GiveUp,
}

impl Throttle {
    /// At most this many calls at once, and at least one.
    pub fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        let state = State {
            limit: most,
            in_flight: 0,
            complaints: 0,
            unanswered: 0,
            was_one_too_many: false,
            lowered: None,
            pause: None,
            waiting: BTreeMap::new(),
            next: 0,
        };
        Self { most, state: Mutex::new(state), closed: Notify::new() }
    }

    /// No limit, until the provider complains.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Waits until another call is allowed. Of those who wait, the call that `began` first is the next.
    pub async fn acquire(&self, began: Instant) -> Permit<'_> {
        let (granted, mut turn) = oneshot::channel();
        let mut permit = {
            let mut state = self.state();
            let place = (began, state.next);
            state.next += 1;
            state.waiting.insert(place, granted);
            Permit { throttle: self, place, sent: began }
        };
        loop {
            let mut closed = pin!(self.closed.notified());
            closed.as_mut().enable();
            let left = {
                let mut state = self.state();
                state.admit();
                state.pause_left()
            };
            let opened = async {
                match left {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            match select(&mut turn, select(pin!(opened), closed)).await {
                Either::Left(_) => break,
                Either::Right(_) => {}
            }
        }
        permit.sent = Instant::now();
        permit
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

impl State {
    /// Lets as many calls go as may go now, the oldest ones first.
    fn admit(&mut self) {
        if self.pause_left().is_some() {
            return;
        }
        while (self.in_flight as f64) < self.limit.floor()
            && let Some((_, granted)) = self.waiting.pop_first()
        {
            self.in_flight += 1;
            let _ = granted.send(());
        }
    }

    fn pause_left(&self) -> Option<Duration> {
        let left = self.pause?.until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// The right to make one call, until it is dropped; or a place among those who wait for it.
pub struct Permit<'a> {
    throttle: &'a Throttle,
    place: (Instant, u64),
    sent: Instant,
}

impl Permit<'_> {
    /// Notes an answered call. As many of them as the limit allows raise it by one.
    pub fn succeeded(&self) {
        let mut state = self.throttle.state();
        state.unanswered = 0;
        // An answer to a call from before a complaint does not say how many are allowed.
        if state.lowered.is_none_or(|at| self.sent >= at) {
            state.limit = (state.limit + 1.0 / state.limit).min(self.throttle.most);
            (state.complaints, state.was_one_too_many) = (0, false);
        }
        // The provider has room again, so a pause of our own becomes a short one.
        if let Some(pause) = state.pause.as_mut().filter(|pause| !pause.is_told) {
            pause.until = pause.until.min(Instant::now() + backoff(1));
            drop(state);
            self.throttle.closed.notify_waiters();
        } else {
            state.admit();
        }
    }

    /// Notes that the provider complained of too many calls. Fewer are allowed, and nobody asks for as long as the provider
    /// says, and for a time that grows with each complaint without an answer in between. After `attempts` of them, with no
    /// other call in progress, the provider is given up.
    pub fn overloaded(&self, wait: Option<Duration>, attempts: u32) -> Overload {
        let mut state = self.throttle.state();
        let is_new = state.lowered.is_none_or(|at| self.sent >= at);
        if is_new {
            let had_answers = state.lowered.is_some() && state.complaints == 0;
            state.was_one_too_many = had_answers && !state.was_one_too_many;
            let part = if state.was_one_too_many { A_LITTLE_LESS } else { HALF };
            // Calls in progress count, not the limit, which may be far above.
            state.limit = (state.limit.min(state.in_flight as f64) * part).max(1.0);
            state.lowered = Some(Instant::now());
            state.complaints += u32::from(!state.was_one_too_many);
            state.unanswered += 1;
            tracing::info!(limit = state.limit as usize, "fewer calls at once");
        }
        let pause = match wait {
            // What the provider says was too little if it complains again.
            Some(wait) if state.unanswered > 1 => Some(jittered(wait).max(backoff(state.unanswered - 1))),
            Some(wait) => Some(jittered(wait)),
            // One pause for the whole burst, and none for one step too many.
            None if state.was_one_too_many || state.pause_left().is_some() => None,
            None => Some(backoff(state.unanswered.max(1))),
        };
        if let Some(pause) = pause {
            let until =
                state.pause.map_or_else(Instant::now, |pause| pause.until).max(Instant::now() + pause);
            state.pause = Some(Pause { until, is_told: wait.is_some() });
        }
        let given_up = state.unanswered >= attempts && state.in_flight == 1;
        drop(state);
        self.throttle.closed.notify_waiters();
        if given_up { Overload::GiveUp } else { Overload::AskAgain }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.throttle.state();
        if state.waiting.remove(&self.place).is_none() {
            state.in_flight -= 1;
            state.admit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// So many calls that go out together.
    async fn burst(throttle: &Throttle, calls: usize) -> Vec<Permit<'_>> {
        let began = Instant::now();
        let mut permits = Vec::new();
        for _ in 0..calls {
            permits.push(throttle.acquire(began).await);
        }
        permits
    }

    #[tokio::test]
    async fn complaints_lower_and_answers_raise() {
        let throttle = Throttle::new(8);
        let first = burst(&throttle, 8).await;
        for permit in &first {
            assert_eq!(permit.overloaded(None, 6), Overload::AskAgain);
        }
        assert_eq!(throttle.limit(), 4, "one burst counts once");
        drop(first);
        let begun = Instant::now();
        let second = burst(&throttle, 4).await;
        assert!(begun.elapsed() >= Duration::from_millis(200), "nobody asks for a while");
        for _ in 0..200 {
            second[0].succeeded();
        }
        assert_eq!(throttle.limit(), 8, "never more than at first");
        second[1].overloaded(None, 6);
        assert_eq!(throttle.limit(), 3, "a little less than the calls in progress");
        assert!(throttle.is_lowered());
    }

    #[tokio::test]
    async fn a_provider_that_answers_nothing_is_given_up() {
        let throttle = Throttle::new(8);
        let mut bursts = Vec::new();
        loop {
            let permits = burst(&throttle, throttle.limit()).await;
            bursts.push(permits.len());
            let ends: Vec<Overload> =
                permits.into_iter().map(|permit| permit.overloaded(Some(Duration::ZERO), 6)).collect();
            if ends.last() == Some(&Overload::GiveUp) {
                break;
            }
        }
        assert_eq!(bursts, [8, 4, 2, 1, 1, 1], "each of them smaller");
    }

    #[tokio::test]
    async fn a_provider_that_answers_some_of_each_burst_is_kept() {
        let throttle = Throttle::new(64);
        for _ in 0..20 {
            let mut permits = burst(&throttle, throttle.limit()).await;
            let first = permits.remove(0);
            for permit in permits {
                assert_eq!(permit.overloaded(Some(Duration::ZERO), 6), Overload::AskAgain);
            }
            // The answer comes after the refusals.
            first.succeeded();
            drop(first);
            let alone = burst(&throttle, 1).await;
            assert_eq!(alone[0].overloaded(Some(Duration::ZERO), 6), Overload::AskAgain);
        }
    }

    #[tokio::test]
    async fn the_oldest_call_is_the_next() {
        let throttle = Arc::new(Throttle::new(1));
        let begun = Instant::now();
        let only = throttle.acquire(begun).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let calls = [3, 1, 2].map(|age| {
            let (throttle, order) = (throttle.clone(), order.clone());
            tokio::spawn(async move {
                let permit = throttle.acquire(begun + Duration::from_secs(age)).await;
                order.lock().expect("no panic").push(age);
                drop(permit);
            })
        });
        tokio::task::yield_now().await;
        drop(only);
        for call in calls {
            call.await.expect("no panic");
        }
        assert_eq!(*order.lock().expect("no panic"), [1, 2, 3]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn never_more_than_allowed_and_nobody_is_forgotten() {
        let throttle = Arc::new(Throttle::new(3));
        let calls = (0..100).map(|at| {
            let throttle = throttle.clone();
            tokio::spawn(async move {
                let wait = throttle.acquire(Instant::now());
                // Some go away while they wait.
                let soon = Duration::from_millis(if at % 7 == 0 { 1 } else { 60_000 });
                let Ok(permit) = tokio::time::timeout(soon, wait).await else { return };
                assert!(throttle.state().in_flight <= 3);
                tokio::task::yield_now().await;
                if at % 10 == 0 {
                    permit.overloaded(Some(Duration::ZERO), 6);
                } else {
                    permit.succeeded();
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("no panic");
        }
        let state = throttle.state();
        assert!(state.in_flight == 0 && state.waiting.is_empty());
    }
}
