//! What the lines of progress say: how an evaluation stands, and how the whole search does. Where they
//! are shown is `terminal`'s business.

use std::{sync::Arc, time::Duration};

use mmh_fleet::Standing;
use mmh_models::metering::budget::Budget;
use mmh_record::{
    format::{Protocol, Summary},
    objective::Objective,
    pricing::Usd,
    text,
};
use mmh_search::progress::EvalProgress;

/// Iterations in a sparkline: the latest ones.
const SPARKS: usize = 32;

/// How a search stands.
pub struct Course {
    /// Candidates that there will be, the baselines among them.
    total: usize,
    /// What they are called.
    word: &'static str,
    objective: Objective,
    /// What the objective compares, by iteration, in the order in which they came; none for what was not scored.
    concluded: Vec<(u32, Option<f64>)>,
    /// How many of them were there before this process.
    earlier: usize,
    /// How long those since then took.
    took: Duration,
    mock: bool,
    budget: Arc<Budget>,
}

impl Course {
    /// Of a search that begins with what is on record.
    pub fn new(summary: &Summary, budget: Arc<Budget>) -> Self {
        let objective = Objective::of(&summary.config);
        let scored = summary.iterations.iter().map(|it| (it.index, Some(objective.value(&it.score))));
        let unscored = summary.unscored.iter().map(|it| (it.index, None));
        let mut concluded: Vec<_> = scored.chain(unscored).collect();
        concluded.sort_by_key(|(index, _)| *index);
        let (earlier, mock) = (concluded.len(), summary.config.mock);
        let total = summary.config.all_candidates() as usize;
        let Protocol { baselines, candidates, .. } = summary.config.protocol;
        let word = if (baselines, candidates) == (1, 1) { "iterations" } else { "candidates" };
        Self { total, word, objective, concluded, earlier, took: Duration::ZERO, mock, budget }
    }

    /// An iteration is over. One that is repeated, because it was cut off, takes its own place.
    pub fn conclude(&mut self, iteration: u32, value: Option<f64>, elapsed: Duration) {
        self.took = elapsed;
        let known = self.concluded.len();
        self.concluded.retain(|(index, _)| *index != iteration);
        self.earlier -= (known - self.concluded.len()).min(self.earlier);
        self.concluded.push((iteration, value));
    }

    /// `3 of 13 iterations ▄▅▂, best 001 53.0 %, 0.0123 of 5.00 USD, about 12 min left`.
    pub fn line(&self, elapsed: Duration) -> String {
        let done = self.concluded.len();
        let values: Vec<Option<f64>> = self.concluded.iter().map(|(_, value)| *value).collect();
        let mut line = format!("{done} of {} {}", self.total, self.word);
        if done > 0 {
            line += &format!(" {}", sparkline(&values[done.saturating_sub(SPARKS)..]));
        }
        if let Some((index, value)) = self.best() {
            let unit = self.objective.unit();
            line += &format!(", best {index:03} {} {}", unit.number(value), unit.sign());
        }
        line += &format!(", {}", self.money());
        if let Some(seconds) = self.left(elapsed) {
            line += &format!(", about {} left", duration(seconds));
        }
        line
    }

    /// What was spent of the budget, calls without an answer included.
    pub fn money(&self) -> String {
        if self.mock {
            return "simulated".into();
        }
        let standing = self.budget.status();
        let spent = standing.spent.plus(standing.unknown).as_f64();
        match standing.limit {
            Usd::MAX => format!("{spent:.4} USD"),
            limit => format!("{spent:.4} of {:.2} USD", limit.as_f64()),
        }
    }

    /// Seconds that the iterations that are left will take, if each takes what the last ones did: less and
    /// less while one goes on, but never less than those behind it need.
    fn left(&self, elapsed: Duration) -> Option<f64> {
        let (here, left) =
            (self.concluded.len() - self.earlier, self.total.saturating_sub(self.concluded.len()));
        let each = (here > 0 && left > 0).then(|| self.took.as_secs_f64() / here as f64)?;
        Some(each * left as f64 - elapsed.saturating_sub(self.took).as_secs_f64().min(each))
    }

    fn best(&self) -> Option<(u32, f64)> {
        let scored = self.concluded.iter().filter_map(|(index, value)| Some((*index, (*value)?)));
        self.objective.best(scored)
    }
}

/// `, 2 workers, 350 calls/s`: who runs the harnesses.
pub fn of_fleet(standing: Standing) -> String {
    let Standing { workers, calls_per_s, .. } = standing;
    let plural = if workers == 1 { "" } else { "s" };
    format!(", {workers} worker{plural}, {calls_per_s:.0} calls/s")
}

/// `accuracy 52.9 % [36.7, 68.5], 3 errors, 12 s left`.
pub fn standing(it: &EvalProgress, elapsed: Duration) -> String {
    let figure = it.tally.figure(it.objective);
    let mut message = format!("{} {} {}", figure.objective.name(), figure.spaced(), figure.interval());
    if it.errors > 0 {
        message += &format!(", {} error{}", it.errors, if it.errors == 1 { "" } else { "s" });
    }
    let left = it.total.saturating_sub(it.done);
    if left > 0 && it.done > 0 {
        let eta = elapsed.as_secs_f64() / it.done as f64 * left as f64;
        message += &format!(", {} left", duration(eta));
    }
    message
}

/// `[=====>    ]`, of so many columns.
pub fn bar(done: usize, total: usize, columns: usize) -> String {
    let inside = columns.saturating_sub(2);
    let full = (inside * done / total.max(1)).min(inside);
    let head = if full < inside { ">" } else { "" };
    format!("[{:<inside$}]", format!("{}{head}", "=".repeat(full)))
}

/// A stage with its progress, on a line of so many columns.
pub fn line(name: &str, it: &EvalProgress, message: &str, columns: usize) -> String {
    let (count, message) = (format!("{}/{}", it.done, it.total), text::one_line(message));
    let rest = text::width(name) + count.len() + text::width(&message) + 3;
    match columns.saturating_sub(rest) {
        room @ 6.. => format!("{name} {} {count} {message}", bar(it.done, it.total, room.min(30))),
        _ => text::fitted(&format!("{name} {count} {message}"), columns),
    }
}

/// Between the lowest and the highest of them; a dot where there is none.
fn sparkline(values: &[Option<f64>]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known = || values.iter().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let spark = |value: f64| {
        let level = if high > low { (value - low) / (high - low) * 7.0 } else { 3.0 };
        LEVELS[(level.round() as usize).min(7)]
    };
    values.iter().map(|value| value.map_or('·', spark)).collect()
}

/// In the unit that fits: `12 s`, `3 min`, `2.5 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds < 99.5 => format!("{seconds:.0} s"),
        _ if seconds < 5970.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_report::statistics::Tally;

    fn course(concluded: &[(u32, Option<f64>)], earlier: usize, budget: Budget) -> Course {
        let (concluded, took, budget) = (concluded.to_vec(), Duration::from_secs(90), Arc::new(budget));
        Course {
            total: 4,
            word: "iterations",
            objective: Objective::Accuracy,
            concluded,
            earlier,
            took,
            mock: false,
            budget,
        }
    }

    #[test]
    fn the_search_in_a_line() {
        let five = || Budget::new(Usd::from_f64(5.0));
        let scores = [(0, Some(0.48)), (1, Some(0.53)), (2, None), (3, Some(0.26))];
        // name, concluded, of these earlier, budget, line
        let table = [
            ("nothing yet", &scores[..0], 0, five(), "0 of 4 iterations, 0.0000 of 5.00 USD"),
            (
                "one",
                &scores[..1],
                0,
                five(),
                "1 of 4 iterations ▄, best 000 48.0 %, 0.0000 of 5.00 USD, about 4 min left",
            ),
            (
                "gone on with: time is that of this process",
                &scores[..3],
                1,
                five(),
                "3 of 4 iterations ▁█·, best 001 53.0 %, 0.0000 of 5.00 USD, about 35 s left",
            ),
            (
                "all, without a budget",
                &scores[..],
                0,
                Budget::unlimited(),
                "4 of 4 iterations ▇█·▁, best 001 53.0 %, 0.0000 USD",
            ),
        ];
        for (name, concluded, earlier, budget, expected) in table {
            let line = course(concluded, earlier, budget).line(Duration::from_secs(100));
            assert_eq!(line, expected, "{name}");
        }
    }

    #[test]
    fn an_iteration_that_is_repeated_takes_its_place() {
        let mut course = course(&[(0, Some(0.5)), (1, None)], 2, Budget::unlimited());
        course.conclude(1, Some(0.75), Duration::from_secs(2));
        assert_eq!((course.earlier, course.best()), (1, Some((1, 0.75))));
        assert!(course.line(Duration::from_secs(2)).starts_with("2 of 4 iterations ▁█, best 001"));
    }

    #[test]
    fn an_evaluation_in_a_line() {
        let standing = |done, correct, errors| EvalProgress {
            done,
            total: 40,
            tally: Tally::right_or_wrong(correct, done as u64),
            errors,
            ..EvalProgress::default()
        };
        // name, standing, columns, line
        let table = [
            (
                "half",
                standing(20, 10, 0),
                80,
                "001 val [============>           ] 20/40 accuracy 50.0 % [29.9, 70.1], 10 s left",
            ),
            (
                "no room for a bar",
                standing(20, 10, 2),
                66,
                "001 val 20/40 accuracy 50.0 % [29.9, 70.1], 2 errors, 10 s left",
            ),
            ("cut", standing(20, 10, 0), 30, "001 val 20/40 accuracy 50.0 %…"),
            ("all", standing(40, 40, 1), 57, "001 val 40/40 accuracy 100.0 % [91.2, 100.0], 1 error"),
        ];
        for (name, it, columns, expected) in table {
            let message = super::standing(&it, Duration::from_secs(10));
            let found = line("001 val", &it, &message, columns);
            assert!(text::width(&found) <= columns, "{name}: {found}");
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn bars_and_durations() {
        for (done, total, expected) in
            [(0, 4, "[>    ]"), (2, 4, "[==>  ]"), (4, 4, "[=====]"), (9, 4, "[=====]"), (0, 0, "[>    ]")]
        {
            assert_eq!(bar(done, total, 7), expected, "{done} of {total}");
        }
        for (seconds, expected) in [(0.4, "0 s"), (99.0, "99 s"), (100.0, "2 min"), (9000.0, "2.5 h")] {
            assert_eq!(duration(seconds), expected, "{seconds}");
        }
    }
}
