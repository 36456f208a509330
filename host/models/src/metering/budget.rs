//! The run's money. The worst case of a call is reserved before it goes out, so that calls at once cannot spend more
//! than there is. A [`Ledger`] keeps the reservations, so that a run that was killed still knows what it may owe.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use mmh_record::{
    ledger::{Ledger, Owed},
    pricing::Usd,
};

/// What a run may spend, and what it has spent.
pub struct Budget {
    limit: Usd,
    ledger: Option<Box<dyn Ledger>>,
    state: Mutex<State>,
    /// Tells waiting calls that a reservation was settled.
    settled: Notify,
}

#[derive(Default)]
struct State {
    spent: Usd,
    unknown: Usd,
    reserved: Usd,
    in_flight: usize,
    /// Reservations so far, also those before the run was resumed. Each has a number.
    entries: u64,
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetStatus {
    /// The most that the run may spend.
    pub limit: Usd,
    /// What replies cost, by the usage that providers report.
    pub spent: Usd,
    /// The most that calls without a usable reply may have cost in addition.
    pub unknown: Usd,
}

impl fmt::Display for BudgetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} USD of {:.2} are spent", self.spent.as_f64(), self.limit.as_f64())?;
        if self.unknown > Usd::ZERO {
            write!(f, ", up to {:.4} more by calls that were not answered", self.unknown.as_f64())?;
        }
        f.write_str(", and the next call may cost more than what is left; --budget-usd raises the budget")
    }
}

/// Why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is not enough left, and no call in progress could give back enough.
    Spent,
    /// The ledger could not be written; the text says why.
    Ledger(String),
}

/// What an attempt cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bill {
    /// Nothing.
    Free,
    /// As much as its tokens.
    Known {
        /// What they cost.
        cost: Usd,
        /// The provider did not report all tokens. The rest of the reservation may be owed as well.
        estimated: bool,
    },
    /// An unknown amount, at most what was reserved.
    Unknown,
}

impl Budget {
    /// A budget in memory, of which nothing is spent.
    pub fn new(limit: Usd) -> Self {
        Self { limit, ledger: None, state: Mutex::default(), settled: Notify::new() }
    }

    /// A budget that `ledger` keeps. `owed` is what the ledger had at the beginning.
    pub fn kept(limit: Usd, ledger: Box<dyn Ledger>, owed: Owed) -> Self {
        let Owed { spent, unknown, entries } = owed;
        let state = Mutex::new(State { spent, unknown, entries, ..State::default() });
        Self { limit, ledger: Some(ledger), state, settled: Notify::new() }
    }

    /// A budget for models that cost nothing.
    pub fn unlimited() -> Self {
        Self::new(Usd::MAX)
    }

    /// What is spent so far.
    pub fn standing(&self) -> BudgetStatus {
        let state = self.state();
        BudgetStatus { limit: self.limit, spent: state.spent, unknown: state.unknown }
    }

    /// Reserves the worst case of an attempt. If it would fit without the calls in progress, it waits for them.
    pub async fn reserve(self: &Arc<Self>, at_most: Usd) -> Result<Reservation, Refused> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // Listen first, so that no settlement is missed after the look.
            settled.as_mut().enable();
            {
                let mut state = self.state();
                let owed = state.spent.plus(state.unknown);
                if owed.plus(state.reserved).plus(at_most) <= self.limit {
                    state.reserved += at_most;
                    state.in_flight += 1;
                    state.entries += 1;
                    let entry = state.entries - 1;
                    drop(state);
                    return self.write_down(entry, at_most);
                }
                if state.in_flight == 0 || owed.plus(at_most) > self.limit {
                    return Err(Refused::Spent);
                }
            }
            settled.await;
        }
    }

    /// Writes a reservation into the ledger, before the call goes out.
    fn write_down(self: &Arc<Self>, entry: u64, at_most: Usd) -> Result<Reservation, Refused> {
        let mut reservation = Reservation { budget: self.clone(), entry, at_most, bill: Bill::Unknown };
        let written = self.ledger().map_or(Ok(()), |ledger| ledger.reserved(entry, at_most));
        if written.is_err() {
            reservation.bill = Bill::Free;
        }
        written.map(|()| reservation).map_err(Refused::Ledger)
    }

    fn ledger(&self) -> Option<&dyn Ledger> {
        self.ledger.as_deref()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Money that is reserved for one attempt. If it is dropped without a bill, all of it may be owed: the attempt was
/// given up, and the provider may bill it.
pub struct Reservation {
    budget: Arc<Budget>,
    entry: u64,
    at_most: Usd,
    bill: Bill,
}

impl Reservation {
    /// Replaces the reservation by what the attempt cost.
    pub fn settle(mut self, bill: Bill) {
        self.bill = bill;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let (spent, unknown) = match self.bill {
            Bill::Free => (Usd::ZERO, Usd::ZERO),
            Bill::Known { cost, estimated: false } => (cost, Usd::ZERO),
            Bill::Known { cost, estimated: true } => (cost, self.at_most.minus(cost)),
            Bill::Unknown => (Usd::ZERO, self.at_most),
        };
        if let Some(ledger) = self.budget.ledger() {
            ledger.settled(self.entry, spent, unknown);
        }
        let mut state = self.budget.state();
        state.in_flight -= 1;
        state.reserved = state.reserved.minus(self.at_most);
        state.spent += spent;
        state.unknown += unknown;
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
        assert_eq!(budget.reserve(usd(0.91)).await.err(), Some(Refused::Spent));
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
