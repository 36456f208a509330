//! Two harnesses over the same examples: what one fixed and broke, whether that is more than noise, and
//! what remains of it when one has looked at several. [`board`] does so for a whole run,
//! [`words`] says what that means.
//!
//! Not in here: what a single score is worth (`score`), and how any of it is shown (`cli`).

pub mod board;
pub mod words;

use std::collections::HashMap;

use serde::Serialize;

use crate::statistics::{mcnemar, permutation};
use mmh_record::{grade::Grade, objective::Objective};

/// Below this a corrected p-value counts as more than noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// The numbers of examples: those of several harnesses that are compared have their ids in memory once.
#[derive(Default)]
pub struct Numbers(HashMap<String, usize>);

impl Numbers {
    /// The number of the example with this id.
    pub fn of(&mut self, id: &str) -> usize {
        if let Some(number) = self.0.get(id) {
            return *number;
        }
        let next = self.0.len();
        self.0.insert(id.to_owned(), next);
        next
    }
}

/// What a harness's answers are worth, by the numbers of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grades {
    marks: Vec<Option<Mark>>,
    n_graded: u64,
    n_correct: u64,
}

/// As much of a grade as comparisons need.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    correct: bool,
    score: f64,
}

impl Grades {
    /// Enters the grade of an example. Says whether the example had none before.
    pub fn enter(&mut self, example: usize, grade: &Grade) -> bool {
        if self.marks.len() <= example {
            self.marks.resize(example + 1, None);
        }
        let is_new = self.marks[example].is_none();
        if is_new {
            self.marks[example] = Some(Mark { correct: grade.correct, score: grade.score });
            self.n_graded += 1;
            self.n_correct += u64::from(grade.correct);
        }
        is_new
    }

    /// How many examples have a grade.
    pub fn n_graded(&self) -> u64 {
        self.n_graded
    }

    /// How many of them were answered right.
    pub fn n_correct(&self) -> u64 {
        self.n_correct
    }
}

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
        // In the order of the examples' numbers: the test draws signs pair by pair.
        let pairs =
            before.marks.iter().zip(&after.marks).filter_map(|(earlier, mark)| Some(((*earlier)?, (*mark)?)));
        let pairs: Vec<(Mark, Mark)> = pairs.collect();
        let n = pairs.len() as u64;
        let count = |was: bool, is: bool| {
            let changed = pairs.iter().filter(|(earlier, mark)| (earlier.correct, mark.correct) == (was, is));
            changed.count() as u64
        };
        let (fixed, broken) = (count(false, true), count(true, false));
        let changes = || pairs.iter().map(|(earlier, mark)| mark.score - earlier.score);
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
        let mut grades = Grades::default();
        for (at, mark) in text.chars().enumerate().filter(|(_, mark)| *mark != '.') {
            assert!(grades.enter(at, &Grade::right_or_wrong(mark == '+')));
        }
        grades
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
            let mut grades = Grades::default();
            for (at, &score) in scores.iter().enumerate() {
                assert!(grades.enter(at, &Grade { score, correct: score == 1.0, ..Grade::default() }));
            }
            grades
        };
        let (before, after) = (grades(&[0.5, 0.0, 1.0, 0.25, 0.0]), grades(&[1.0, 0.25, 0.5, 0.5]));
        let found = Paired::of(Objective::Score, &before, &after);
        // Differences 0.5, 0.25, -0.5 and 0.25: 12 of the 16 choices of signs have a sum of at least 0.5.
        let expected = Paired { n: 4, fixed: 1, broken: 1, score_change: Some(0.125), p: 12.0 / 16.0 };
        assert_eq!(found, expected);
        assert_eq!(found.points(), 12.5);
        let nothing = Paired::of(Objective::Score, &Grades::default(), &after);
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
