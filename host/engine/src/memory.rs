//! One budget for the memory of all calls into harnesses at once, whoever makes them: evaluations, learning, trials,
//! verifying. A call counts with what it takes, and waits where that does not fit.
//!
//! It never comes to a standstill. The oldest call in progress may always grow up to its limit: others take no more than
//! leaves room for that. When it ends, it gives back what it held, so that there is room for the next oldest one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

/// What a call takes on the host besides its memories, in bytes: its stack, its output, its model calls.
const OWN_BYTES: u64 = 256 << 10;

/// The memory that all calls of this process may take together. Clones are the same budget.
#[derive(Clone)]
pub struct MemoryBudget(Arc<Shared>);

struct Shared {
    total_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What each call in progress holds, by its number: the oldest one first.
    held: BTreeMap<u64, u64>,
    sum_bytes: u64,
    most_held_bytes: u64,
    /// The most that any call so far may come to hold.
    largest_bytes: u64,
    /// The number of the next call.
    next: u64,
    /// Calls in progress that wait to hold more.
    growing: BTreeMap<u64, Wait>,
    /// Calls that wait to begin, in order.
    coming: VecDeque<(u64, Wait)>,
}

/// What a call waits for.
struct Wait {
    more_bytes: u64,
    granted: oneshot::Sender<()>,
}

impl MemoryBudget {
    /// A budget of so many bytes. A call that may take more than that alone runs alone.
    pub fn new(total_bytes: u64) -> Self {
        Self(Arc::new(Shared { total_bytes, state: Mutex::default() }))
    }

    /// A budget that nothing waits for.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// The least budget in which a call with memories of so many bytes does not exceed it.
    pub fn least(memory_bytes: u64) -> u64 {
        memory_bytes.saturating_add(OWN_BYTES)
    }

    /// How many bytes the budget has.
    pub fn total_bytes(&self) -> u64 {
        self.0.total_bytes
    }

    /// The most that was held at once so far, in bytes.
    pub fn most_held_bytes(&self) -> u64 {
        self.0.state().most_held_bytes
    }

    /// Waits until a call may begin. Its memories will probably take `usual_bytes`, and never more than `limit_bytes`.
    pub(crate) async fn begin(&self, usual_bytes: u64, limit_bytes: u64) -> Share {
        let usual_bytes = usual_bytes.min(limit_bytes);
        let own = usual_bytes.saturating_add(OWN_BYTES);
        let (share, wait) = {
            let mut state = self.0.state();
            state.largest_bytes = state.largest_bytes.max(limit_bytes.saturating_add(OWN_BYTES));
            let number = state.next;
            state.next += 1;
            let share = Share { budget: self.0.clone(), number, reserved_bytes: usual_bytes };
            let nobody_waits = state.growing.is_empty() && state.coming.is_empty();
            if nobody_waits && state.fits(self.0.total_bytes, number, own) {
                state.take(number, own);
                return share;
            }
            let (granted, wait) = oneshot::channel();
            state.coming.push_back((number, Wait { more_bytes: own, granted }));
            (share, wait)
        };
        // The sender is in the queue as long as the share lives.
        let _ = wait.await;
        share
    }
}

/// What one call holds of the budget, until it is dropped.
pub struct Share {
    budget: Arc<Shared>,
    number: u64,
    /// Bytes of memories that the call may have without asking.
    reserved_bytes: u64,
}

impl Share {
    /// Takes as much as memories of so many bytes need, if there is room now.
    pub(crate) fn try_grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.reserved_bytes);
        if more == 0 {
            return true;
        }
        let mut state = self.budget.state();
        let fits = state.fits(self.budget.total_bytes, self.number, more);
        if fits {
            state.take(self.number, more);
            self.reserved_bytes = bytes;
        }
        fits
    }

    /// Waits until there is room for memories of so many bytes.
    pub(crate) async fn grow(&mut self, bytes: u64) {
        if self.try_grow(bytes) {
            return;
        }
        let (granted, wait) = oneshot::channel();
        let more_bytes = bytes.saturating_sub(self.reserved_bytes);
        {
            let mut state = self.budget.state();
            state.growing.insert(self.number, Wait { more_bytes, granted });
            // Room may have come since the look.
            state.settle(self.budget.total_bytes);
        }
        let _ = wait.await;
        self.reserved_bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        let held = state.held.remove(&self.number).unwrap_or(0);
        state.sum_bytes -= held;
        state.growing.remove(&self.number);
        if held == 0 {
            state.coming.retain(|(number, _)| *number != self.number);
        }
        state.settle(self.budget.total_bytes);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether this call may take so much more. Every call but the oldest one leaves room for what that may still take.
    fn fits(&self, total_bytes: u64, number: u64, more_bytes: u64) -> bool {
        match self.held.first_key_value() {
            None => true,
            Some((oldest, _)) if *oldest == number => true,
            Some((_, held)) => {
                let left_free = self.largest_bytes.saturating_sub(*held);
                self.sum_bytes.saturating_add(more_bytes).saturating_add(left_free) <= total_bytes
            }
        }
    }

    fn take(&mut self, number: u64, bytes: u64) {
        *self.held.entry(number).or_default() += bytes;
        self.sum_bytes += bytes;
        self.most_held_bytes = self.most_held_bytes.max(self.sum_bytes);
    }

    /// Gives room to those that wait: first to calls in progress, which hold memory already.
    fn settle(&mut self, total_bytes: u64) {
        for (number, Wait { more_bytes, granted }) in std::mem::take(&mut self.growing) {
            if self.fits(total_bytes, number, more_bytes) {
                self.take(number, more_bytes);
                let _ = granted.send(());
            } else {
                self.growing.insert(number, Wait { more_bytes, granted });
            }
        }
        while self.growing.is_empty()
            && let Some((number, wait)) = self.coming.front()
            && self.fits(total_bytes, *number, wait.more_bytes)
            && let Some((number, wait)) = self.coming.pop_front()
        {
            self.take(number, wait.more_bytes);
            let _ = wait.granted.send(());
        }
    }
}

/// What calls of one kind usually take, learned from those that have ended.
#[derive(Default)]
pub(crate) struct Usual(AtomicU64);

impl Usual {
    /// Bytes of memories of the next call.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes what a call has taken. More counts at once, less bit by bit.
    pub fn note(&self, peak_bytes: u64) {
        let learn = |usual: u64| Some(peak_bytes.max(usual - usual.saturating_sub(peak_bytes).div_ceil(8)));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, learn);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// The budget in which memories of so many bytes fit, with one call's own part.
    fn budget(bytes: u64) -> MemoryBudget {
        MemoryBudget::new(MemoryBudget::least(bytes))
    }

    /// Whether a call may begin now.
    fn begins(budget: &MemoryBudget, usual: u64, limit: u64) -> Option<Share> {
        use futures::FutureExt;
        budget.begin(usual, limit).now_or_never()
    }

    #[test]
    fn as_many_begin_as_fit() {
        let own = OWN_BYTES;
        // name, budget, usual, limit, how many begin
        let table = [
            ("by the limit, all of it", 4 * (MIB + own), MIB, MIB, 4),
            ("a byte too few", 4 * (MIB + own) - 1, MIB, MIB, 3),
            ("little, and room for the oldest to grow", 8 * MIB + 10 * own, 0, 8 * MIB, 10),
            ("one alone needs more than there is", MIB, 0, 2 * MIB, 1),
            ("more than its limit is not reserved", 2 * (MIB + own), 100 * MIB, MIB, 2),
        ];
        for (name, total, usual, limit, expected) in table {
            let budget = MemoryBudget::new(total);
            let begun: Vec<Share> = (0..20).map_while(|_| begins(&budget, usual, limit)).collect();
            assert_eq!(begun.len(), expected, "{name}");
            drop(begun);
            assert_eq!(budget.0.state().sum_bytes, 0, "{name}");
            assert!(begins(&budget, usual, limit).is_some(), "{name}: nobody is in the way");
        }
    }

    #[test]
    fn the_oldest_grows_and_others_leave_it_room() {
        let budget = budget(10 * MIB + OWN_BYTES);
        let mut old = begins(&budget, 0, 8 * MIB).expect("room");
        let mut young = begins(&budget, 0, 8 * MIB).expect("room");
        assert!(young.try_grow(2 * MIB), "what the oldest one cannot take");
        assert!(!young.try_grow(2 * MIB + 1));
        assert!(old.try_grow(8 * MIB));
        drop(old);
        assert!(young.try_grow(8 * MIB), "now it is the oldest one");
        assert!(budget.most_held_bytes() <= MemoryBudget::least(10 * MIB + OWN_BYTES));
    }

    #[tokio::test]
    async fn who_gives_up_is_forgotten() {
        let budget = budget(MIB);
        let first = budget.begin(MIB, MIB).await;
        let second = tokio::time::timeout(Duration::from_millis(5), budget.begin(MIB, MIB)).await;
        assert!(second.is_err(), "there is no room");
        drop(first);
        let mut third = budget.begin(0, MIB).await;
        third.grow(MIB).await;
        drop(third);
        let state = budget.0.state();
        assert!(state.held.is_empty() && state.coming.is_empty() && state.sum_bytes == 0);
    }

    /// Calls that take their memory bit by bit, more of them than fit: all of them end, and the budget holds.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_waits_for_ever() {
        // What the budget has, the limit of a call, how much each takes
        for (total, limit, takes) in [(9, 8, 8), (12, 8, 5), (64, 8, 8), (8, 8, 3)] {
            let budget = budget(total * MIB);
            let calls = (0..200u64).map(|at| {
                let budget = budget.clone();
                tokio::spawn(async move {
                    let mut share = budget.begin(at % 3 * MIB, limit * MIB).await;
                    for bytes in 1..=takes {
                        share.grow(bytes * MIB).await;
                        tokio::task::yield_now().await;
                    }
                })
            });
            let all = futures::future::join_all(calls.collect::<Vec<_>>());
            let all = tokio::time::timeout(Duration::from_secs(30), all).await;
            assert!(all.expect("no standstill").into_iter().all(|call| call.is_ok()));
            assert!(budget.most_held_bytes() <= MemoryBudget::least(total * MIB), "{total} {limit} {takes}");
        }
    }

    #[test]
    fn what_is_usual() {
        let usual = Usual::default();
        // what a call took, what is usual then
        for (took, expected) in [(0, 0), (80, 80), (0, 70), (0, 61), (100, 100), (100, 100), (99, 99)] {
            usual.note(took);
            assert_eq!(usual.bytes(), expected, "{took}");
        }
    }
}
