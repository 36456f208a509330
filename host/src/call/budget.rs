//! The run's money. The worst case of a call is reserved before it goes out, so that no number of calls
//! at once can spend more than there is.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::pricing::Usd;

/// What a run may spend, and has spent.
pub struct Budget {
    limit: Usd,
    state: Mutex<State>,
    /// Somebody has settled.
    settled: Notify,
}

#[derive(Default)]
struct State {
    spent: Usd,
    unknown: Usd,
    reserved: Usd,
    in_flight: usize,
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub limit: Usd,
    /// By the usage that providers report.
    pub spent: Usd,
    /// The most that calls without a usable answer may have cost besides.
    pub unknown: Usd,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} USD of {:.2} are spent", self.spent.as_f64(), self.limit.as_f64())?;
        if self.unknown > Usd::ZERO {
            write!(f, ", up to {:.4} more by calls that were not answered", self.unknown.as_f64())?;
        }
        f.write_str(", and the next call may cost more than what is left; --budget-usd raises the budget")
    }
}

/// There is not enough left, and nothing under way that could give some back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent;

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bill {
    Free,
    /// With `estimated`, the provider gave no usage: the rest of the reservation may be owed as well.
    Known {
        cost: Usd,
        estimated: bool,
    },
    /// It may have been billed, and nobody knows for how much: at most for what was reserved.
    Unknown,
}

impl Budget {
    pub fn new(limit: Usd) -> Self {
        Self { limit, state: Mutex::default(), settled: Notify::new() }
    }

    pub fn unlimited() -> Self {
        Self::new(Usd::MAX)
    }

    pub fn standing(&self) -> Standing {
        let state = self.state();
        Standing { limit: self.limit, spent: state.spent, unknown: state.unknown }
    }

    /// Sets the worst case aside. While it does not fit only because of calls that are under way, it waits
    /// for them.
    pub async fn reserve(self: &Arc<Self>, at_most: Usd) -> Result<Reservation, Spent> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // Listen before looking, so that nobody settles unheard in between.
            settled.as_mut().enable();
            {
                let mut state = self.state();
                let owed = state.spent.plus(state.unknown);
                if owed.plus(state.reserved).plus(at_most) <= self.limit {
                    state.reserved += at_most;
                    state.in_flight += 1;
                    return Ok(Reservation { budget: self.clone(), at_most, bill: Bill::Unknown });
                }
                if state.in_flight == 0 || owed.plus(at_most) > self.limit {
                    return Err(Spent);
                }
            }
            settled.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Money that is set aside for one attempt. Dropped without a bill, it counts as spent: the attempt was
/// given up, and may be billed.
pub struct Reservation {
    budget: Arc<Budget>,
    at_most: Usd,
    bill: Bill,
}

impl Reservation {
    pub fn settle(mut self, bill: Bill) {
        self.bill = bill;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.in_flight -= 1;
        state.reserved = state.reserved.minus(self.at_most);
        match self.bill {
            Bill::Free => {}
            Bill::Known { cost, estimated } => {
                state.spent += cost;
                if estimated {
                    state.unknown += self.at_most.minus(cost);
                }
            }
            Bill::Unknown => state.unknown += self.at_most,
        }
        drop(state);
        self.budget.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(dollars: f64) -> Usd {
        Usd::from_f64(dollars)
    }

    #[tokio::test]
    async fn bills_take_the_place_of_reservations() {
        // name, bill of a reservation of 0.6 out of 1.0, spent, unknown, whether 0.5 fit afterwards
        let known = |cost, estimated| Bill::Known { cost: usd(cost), estimated };
        let table = [
            ("free", Bill::Free, 0.0, 0.0, true),
            ("cheaper than the worst case", known(0.1, false), 0.1, 0.0, true),
            ("the worst case", known(0.6, false), 0.6, 0.0, false),
            ("without usage, the rest stays set aside", known(0.1, true), 0.1, 0.5, false),
            ("not answered", Bill::Unknown, 0.0, 0.6, false),
        ];
        for (name, bill, spent, unknown, fits) in table {
            let budget = Arc::new(Budget::new(usd(1.0)));
            budget.reserve(usd(0.6)).await.expect("it fits").settle(bill);
            let standing = budget.standing();
            assert_eq!((standing.spent, standing.unknown), (usd(spent), usd(unknown)), "{name}");
            assert_eq!(budget.reserve(usd(0.5)).await.is_ok(), fits, "{name}");
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_counts_as_spent() {
        let budget = Arc::new(Budget::new(usd(1.0)));
        drop(budget.reserve(usd(0.25)).await.expect("it fits"));
        assert_eq!(budget.standing().unknown, usd(0.25));
    }

    #[tokio::test]
    async fn what_is_under_way_is_waited_for() {
        let budget = Arc::new(Budget::new(usd(1.0)));
        let first = budget.reserve(usd(0.9)).await.expect("it fits");
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(usd(0.9)).await.map(|it| it.settle(Bill::Free)) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.settle(Bill::Known { cost: usd(0.1), estimated: false });
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
        assert_eq!(budget.reserve(usd(0.91)).await.err(), Some(Spent));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_at_once_never_spend_more_than_there_is() {
        let budget = Arc::new(Budget::new(usd(1.0)));
        let calls = (0..200u32).map(|at| {
            let budget = budget.clone();
            tokio::spawn(async move {
                let Ok(reservation) = budget.reserve(usd(0.05)).await else { return 0 };
                tokio::task::yield_now().await;
                let cost = usd(0.01 * f64::from(at % 5 + 1));
                reservation.settle(Bill::Known { cost, estimated: false });
                1
            })
        });
        let mut answered = 0;
        for call in calls.collect::<Vec<_>>() {
            answered += call.await.expect("no panic");
        }
        let spent = budget.standing().spent;
        assert!(spent <= usd(1.0) && spent > usd(0.95), "{spent:?} by {answered} calls");
    }
}
