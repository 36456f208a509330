//! What the time of a search goes to. Measured with the host's clock, so that with a fixed one there is nothing to tell.
//!
//! Several things happen at once, and the parts still add up to the time on the clock: each moment belongs to one part, the
//! first of [`Part`] that is under way then. What is left is the host's own time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mmh_record::{
    clock::{Clock, Stopwatch},
    format::TimeSpent,
};

/// A part of the time, in the order in which moments are given to them: what nothing here can make faster comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// At least one call of the target is under way, with its attempts and the waiting between them.
    Target,
    /// A call of the proposer is under way.
    Proposer,
    /// A source is compiled, or a component is made ready to run.
    Compiling,
    /// A harness runs.
    Sandbox,
}

/// The number of parts.
const PARTS: usize = 4;

/// Measures a search.
#[derive(Debug)]
pub struct Times {
    begun: Stopwatch,
    state: Mutex<State>,
}

/// What is under way, and the time of each part so far, the host's own last.
#[derive(Debug, Default)]
struct State {
    under_way: [u32; PARTS],
    spent_us: [u64; PARTS + 1],
    until_us: u64,
}

impl State {
    /// Gives the time since the last change to the part that it belongs to.
    fn advance(&mut self, now_us: u64) {
        let part = self.under_way.iter().position(|count| *count > 0).unwrap_or(PARTS);
        self.spent_us[part] += now_us.saturating_sub(self.until_us);
        self.until_us = self.until_us.max(now_us);
    }
}

/// Something that is under way until this is dropped.
pub struct UnderWay<'a> {
    times: &'a Times,
    part: Part,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.times.now();
        state.under_way[self.part as usize] -= 1;
    }
}

/// Measures nothing.
impl Default for Times {
    fn default() -> Self {
        Self::new(Clock::Fixed(Timestamp::UNIX_EPOCH))
    }
}

impl Times {
    /// Begins to measure.
    pub fn new(clock: Clock) -> Self {
        Self { begun: clock.start(), state: Mutex::default() }
    }

    /// Begins with something of a part.
    pub fn enter(&self, part: Part) -> UnderWay<'_> {
        self.now().under_way[part as usize] += 1;
        UnderWay { times: self, part }
    }

    /// Does some work of a part.
    pub async fn during<T>(&self, part: Part, work: impl Future<Output = T>) -> T {
        let _under_way = self.enter(part);
        work.await
    }

    /// What the time so far went to. All is zero where the clock is fixed.
    pub fn so_far(&self) -> TimeSpent {
        let spent_us = self.now().spent_us;
        let ms = |part: Part| spent_us[part as usize] / 1000;
        let [target_ms, proposer_ms, compiling_ms, sandbox_ms] =
            [Part::Target, Part::Proposer, Part::Compiling, Part::Sandbox].map(ms);
        // What was rounded off is the host's.
        let all_ms = spent_us.iter().sum::<u64>() / 1000;
        let own_ms = all_ms - target_ms - proposer_ms - compiling_ms - sandbox_ms;
        TimeSpent { proposer_ms, target_ms, compiling_ms, sandbox_ms, own_ms }
    }

    /// The state up to this moment.
    fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance((self.begun.elapsed_ms() * 1000.0).round() as u64);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_belongs_to_one_part() {
        use Part::{Compiling, Proposer, Sandbox, Target};
        // name, what begins and ends at which time, and the parts until 100: target, proposer, compiling, sandbox, own
        type Row = (&'static str, &'static [(u64, Part, bool)], [u64; 5]);
        let table: [Row; 5] = [
            ("nothing", &[], [0, 0, 0, 0, 100]),
            ("a harness runs", &[(10, Sandbox, true), (30, Sandbox, false)], [0, 0, 0, 20, 80]),
            (
                "it waits for a call",
                &[(10, Sandbox, true), (15, Target, true), (25, Target, false), (30, Sandbox, false)],
                [10, 0, 0, 10, 80],
            ),
            (
                "several calls at once",
                &[(10, Target, true), (20, Target, true), (30, Target, false), (70, Target, false)],
                [60, 0, 0, 0, 40],
            ),
            (
                "a proposal, and its build beside a call",
                &[
                    (0, Proposer, true),
                    (50, Proposer, false),
                    (50, Compiling, true),
                    (60, Target, true),
                    (70, Target, false),
                    (90, Compiling, false),
                ],
                [10, 50, 30, 0, 10],
            ),
        ];
        for (name, changes, expected) in table {
            let mut state = State::default();
            for (at, part, begins) in changes {
                state.advance(*at);
                let count = &mut state.under_way[*part as usize];
                *count = if *begins { *count + 1 } else { *count - 1 };
            }
            state.advance(100);
            assert_eq!(state.spent_us, expected, "{name}");
        }
    }

    #[test]
    fn parts_add_up_to_the_clock() {
        let times = Times::new(Clock::System);
        let clock = Clock::System.start();
        {
            let _sandbox = times.enter(Part::Sandbox);
            let _target = times.enter(Part::Target);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let (spent, elapsed_ms) = (times.so_far(), clock.elapsed_ms());
        assert!(spent.target_ms >= 20 && spent.sandbox_ms < 20, "{spent:?}");
        assert!(spent.total_ms() as f64 <= elapsed_ms + 1.0, "{spent:?} of {elapsed_ms}");
        let fixed = Times::new(Clock::Fixed(Timestamp::UNIX_EPOCH));
        drop(fixed.enter(Part::Target));
        assert_eq!(fixed.so_far(), TimeSpent::default(), "a fixed clock has nothing to tell");
    }
}
