//! Two harnesses over the same examples: what one fixed and broke, whether that is more than noise, and
//! what remains of it when one has looked at several. [`board`] does so for a whole run.
//!
//! Not in here: what a single score is worth (`score`), and how any of it is shown (`cli`).

pub mod board;

use std::collections::HashMap;

use serde::Serialize;

use crate::statistics::{mcnemar, permutation};
use mmh_record::{grade::Grade, objective::Objective};

/// Below this a corrected p-value counts as more than noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// What a harness's answers are worth, by the ids of the examples.
pub type Grades = HashMap<String, Grade>;

/// One harness against another, over the examples that both have seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Examples that both have seen.
    pub n: u64,
    /// Wrong before, right after.
    pub fixed: u64,
    /// Right before, wrong after.
    pub broken: u64,
    /// The mean of the changes of scores. Absent where answers are right or wrong: then `fixed` and `broken` say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_change: Option<f64>,
    /// The two-sided test of [`paired_test`](crate::statistics::paired_test), not corrected for having looked at several.
    pub p: f64,
}

impl Paired {
    /// What `after` changed, by the test that fits the objective.
    pub fn of(objective: Objective, before: &Grades, after: &Grades) -> Self {
        let mut pairs: Vec<(&String, &Grade, &Grade)> =
            after.iter().filter_map(|(id, grade)| Some((id, before.get(id)?, grade))).collect();
        // The test draws signs pair by pair.
        pairs.sort_unstable_by_key(|(id, _, _)| *id);
        let n = pairs.len() as u64;
        let count = |was: bool, is: bool| {
            let changed =
                pairs.iter().filter(|(_, earlier, grade)| (earlier.correct, grade.correct) == (was, is));
            changed.count() as u64
        };
        let (fixed, broken) = (count(false, true), count(true, false));
        let changes = || pairs.iter().map(|(_, earlier, grade)| grade.score - earlier.score);
        let (score_change, p) = match objective {
            Objective::Accuracy => (None, mcnemar(fixed, broken)),
            Objective::Score => (Some(changes().sum::<f64>() / n.max(1) as f64), permutation(changes())),
        };
        Self { n, fixed, broken, score_change, p }
    }

    /// The change of the compared figure, in points of a hundred.
    pub fn points(&self) -> f64 {
        let of_right = (self.fixed as f64 - self.broken as f64) / self.n.max(1) as f64;
        100.0 * self.score_change.unwrap_or(of_right)
    }
}

/// p-values corrected by Holm's step-down method, each in its place: the chance of any false alarm among
/// all of them stays below the level that one asks for (Holm 1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&left, &right| p_values[left].total_cmp(&p_values[right]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        least = least.max(p_values[at] * (p_values.len() - rank) as f64).min(1.0);
        corrected[at] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(text: &str) -> Grades {
        let grade = |(at, mark): (usize, char)| {
            (mark != '.').then(|| (at.to_string(), Grade::right_or_wrong(mark == '+')))
        };
        text.chars().enumerate().filter_map(grade).collect()
    }

    fn paired(before: &str, after: &str) -> Paired {
        Paired::of(Objective::Accuracy, &grades(before), &grades(after))
    }

    #[test]
    fn pairs_are_counted_over_common_examples() {
        // name, before, after ('+' right, '-' wrong, '.' not seen), n, fixed, broken
        let table = [
            ("nothing", "", "", 0, 0, 0),
            ("the same", "+-+", "+-+", 3, 0, 0),
            ("fixed and broken", "--+-", "++-+", 4, 3, 1),
            ("one not seen before", ".-+", "+++", 2, 1, 0),
            ("one not seen after", "--+", ".++", 2, 1, 0),
        ];
        for (name, before, after, n, fixed, broken) in table {
            let found = paired(before, after);
            assert_eq!((found.n, found.fixed, found.broken), (n, fixed, broken), "{name}");
        }
        assert_eq!(paired("--+-", "++-+").points(), 50.0);
    }

    #[test]
    fn scores_are_paired_by_their_difference() {
        let grades = |scores: &[f64]| -> Grades {
            let grade = |(at, score): (usize, &f64)| {
                (at.to_string(), Grade { score: *score, correct: *score == 1.0, ..Grade::default() })
            };
            scores.iter().enumerate().map(grade).collect()
        };
        let (before, after) = (grades(&[0.5, 0.0, 1.0, 0.25, 0.0]), grades(&[1.0, 0.25, 0.5, 0.5]));
        let found = Paired::of(Objective::Score, &before, &after);
        // Differences 0.5, 0.25, -0.5 and 0.25: 12 of the 16 choices of signs have a sum of at least 0.5.
        let expected = Paired { n: 4, fixed: 1, broken: 1, score_change: Some(0.125), p: 12.0 / 16.0 };
        assert_eq!(found, expected);
        assert_eq!(found.points(), 12.5);
        let nothing = Paired::of(Objective::Score, &Grades::new(), &after);
        assert_eq!((nothing.n, nothing.score_change, nothing.p), (0, Some(0.0), 1.0));
    }

    #[test]
    fn holm_matches_published_values() {
        let table: [(&str, &[f64], &[f64]); 5] = [
            // Wikipedia's worked example of the method: the first and the fourth hold at 0.05.
            ("four", &[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]),
            ("never above one", &[0.6, 0.7], &[1.0, 1.0]),
            ("never less than a smaller one", &[0.02, 0.021, 0.5], &[0.06, 0.06, 0.5]),
            ("one", &[0.04], &[0.04]),
            ("none", &[], &[]),
        ];
        for (name, p_values, expected) in table {
            let found = holm(p_values);
            let close = found.iter().zip(expected).all(|(left, right)| (left - right).abs() < 1e-12);
            assert!(close && found.len() == expected.len(), "{name}: {found:?}");
        }
    }
}
