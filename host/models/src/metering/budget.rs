//! The run's money. The worst case of a call is reserved before it goes out, so that calls at once cannot spend more
//! than there is. A [`Ledger`] keeps the reservations, so that a run that was killed still knows what it may owe.
//!
//! A run has one budget, and accounts of it: each says what a part of the run was billed, such as a candidate. An account
//! may have a share of the budget as a limit of its own.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use mmh_record::{
    ledger::{Ledger, Owed},
    pricing::Usd,
};

/// What a run may spend, and what it has spent: as a whole, or on one account.
pub struct Budget {
    books: Arc<Books>,
    /// The account that reservations are made on. `None`: on none, for the run as a whole.
    account: Option<usize>,
    /// Whether the account's share does not count.
    beyond_share: bool,
}

/// What a budget and its accounts have in common.
struct Books {
    limit: Usd,
    ledger: Option<Box<dyn Ledger>>,
    state: Mutex<State>,
    /// Tells waiting calls that a reservation was settled.
    settled: Notify,
}

#[derive(Default)]
struct State {
    run: Sums,
    accounts: Vec<Account>,
    /// Reservations so far, also those before the run was resumed. Each has a number.
    entries: u64,
}

/// A part of the run.
struct Account {
    /// The most that it may spend, if that is less than the run's limit.
    share: Option<Usd>,
    sums: Sums,
}

#[derive(Default)]
struct Sums {
    spent: Usd,
    unknown: Usd,
    reserved: Usd,
    in_flight: usize,
}

/// Whether a reservation is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    Free,
    /// Not now, but calls in progress may give back enough.
    Later,
    Never,
}

/// What a budget has spent, and its limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetStatus {
    /// The most that may be spent.
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
    /// The same of the account's share alone.
    ShareSpent,
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

impl Sums {
    /// What calls that have ended cost, or may have cost.
    fn billed(&self) -> Usd {
        self.spent.plus(self.unknown)
    }

    /// Whether so much more fits below a limit.
    fn room(&self, limit: Usd, at_most: Usd) -> Room {
        if self.billed().plus(self.reserved).plus(at_most) <= limit {
            Room::Free
        } else if self.in_flight == 0 || self.billed().plus(at_most) > limit {
            Room::Never
        } else {
            Room::Later
        }
    }

    fn reserve(&mut self, at_most: Usd) {
        self.reserved += at_most;
        self.in_flight += 1;
    }

    fn settle(&mut self, at_most: Usd, spent: Usd, unknown: Usd) {
        self.in_flight -= 1;
        self.reserved = self.reserved.minus(at_most);
        self.spent += spent;
        self.unknown += unknown;
    }
}

impl State {
    /// The sums that a reservation on this account counts in.
    fn each(&mut self, account: Option<usize>, change: impl Fn(&mut Sums)) {
        change(&mut self.run);
        if let Some(account) = account.and_then(|account| self.accounts.get_mut(account)) {
            change(&mut account.sums);
        }
    }
}

impl Budget {
    /// A budget in memory, of which nothing is spent.
    pub fn new(limit: Usd) -> Self {
        Self::with(limit, None, State::default())
    }

    /// A budget that `ledger` keeps. `owed` is what the ledger had at the beginning. It is on no account.
    pub fn kept(limit: Usd, ledger: Box<dyn Ledger>, owed: Owed) -> Self {
        let Owed { spent, unknown, entries } = owed;
        let run = Sums { spent, unknown, ..Sums::default() };
        Self::with(limit, Some(ledger), State { run, entries, ..State::default() })
    }

    /// A budget for models that cost nothing.
    pub fn unlimited() -> Self {
        Self::new(Usd::MAX)
    }

    fn with(limit: Usd, ledger: Option<Box<dyn Ledger>>, state: State) -> Self {
        let books = Books { limit, ledger, state: Mutex::new(state), settled: Notify::new() };
        Self { books: Arc::new(books), account: None, beyond_share: false }
    }

    /// A new account of this budget. What is reserved on it counts for the run as well, and is refused where the run's
    /// limit or the account's share does not allow it.
    pub fn account(&self, share: Option<Usd>) -> Self {
        let mut state = self.state();
        state.accounts.push(Account { share, sums: Sums::default() });
        let account = Some(state.accounts.len() - 1);
        Self { books: self.books.clone(), account, beyond_share: false }
    }

    /// The same account without its share, for calls that the whole run needs.
    pub fn beyond_share(&self) -> Self {
        Self { books: self.books.clone(), account: self.account, beyond_share: true }
    }

    /// What is spent of the run's budget.
    pub fn status_of_run(&self) -> BudgetStatus {
        let Sums { spent, unknown, .. } = self.state().run;
        BudgetStatus { limit: self.books.limit, spent, unknown }
    }

    /// What is spent of the limit that holds: the account's share, or the run's budget.
    pub fn status(&self) -> BudgetStatus {
        let state = self.state();
        let account = self.account.and_then(|account| state.accounts.get(account));
        let (limit, sums) = match account.and_then(|account| Some((account.share?, &account.sums))) {
            Some(of_account) => of_account,
            None => (self.books.limit, &state.run),
        };
        BudgetStatus { limit, spent: sums.spent, unknown: sums.unknown }
    }

    /// What calls on this account were billed, or may have been; on the run's budget, all calls.
    pub fn billed(&self) -> Usd {
        let state = self.state();
        let account = self.account.and_then(|account| state.accounts.get(account));
        account.map_or(&state.run, |account| &account.sums).billed()
    }

    /// Reserves the worst case of an attempt. If it would fit without the calls in progress, it waits for them.
    pub async fn reserve(&self, at_most: Usd) -> Result<Reservation, Refused> {
        loop {
            let settled = self.books.settled.notified();
            tokio::pin!(settled);
            // Listen first, so that no settlement is missed after the look.
            settled.as_mut().enable();
            {
                let mut state = self.state();
                let (run, share) = self.room(&state, at_most);
                match run.max(share) {
                    Room::Free => {
                        state.each(self.account, |sums| sums.reserve(at_most));
                        state.entries += 1;
                        let entry = state.entries - 1;
                        drop(state);
                        return self.write_down(entry, at_most);
                    }
                    Room::Never if run == Room::Never => return Err(Refused::Spent),
                    Room::Never => return Err(Refused::ShareSpent),
                    Room::Later => {}
                }
            }
            settled.await;
        }
    }

    /// Whether so much fits below the run's limit, and below the account's share.
    fn room(&self, state: &State, at_most: Usd) -> (Room, Room) {
        let account = self.account.and_then(|account| state.accounts.get(account));
        let share = account.filter(|_| !self.beyond_share);
        let shared = share.and_then(|account| Some(account.sums.room(account.share?, at_most)));
        (state.run.room(self.books.limit, at_most), shared.unwrap_or(Room::Free))
    }

    /// Writes a reservation into the ledger, before the call goes out.
    fn write_down(&self, entry: u64, at_most: Usd) -> Result<Reservation, Refused> {
        let (books, account) = (self.books.clone(), self.account);
        let mut reservation = Reservation { books, account, entry, at_most, bill: Bill::Unknown };
        let written = self.books.ledger().map_or(Ok(()), |ledger| ledger.reserved(entry, at_most));
        if written.is_err() {
            reservation.bill = Bill::Free;
        }
        written.map(|()| reservation).map_err(Refused::Ledger)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.books.state()
    }
}

impl Books {
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
    books: Arc<Books>,
    account: Option<usize>,
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
        if let Some(ledger) = self.books.ledger() {
            ledger.settled(self.entry, spent, unknown);
        }
        self.books.state().each(self.account, |sums| sums.settle(self.at_most, spent, unknown));
        self.books.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
