//! Two harnesses over the same examples: what one fixed and broke, whether that is more than noise, and
//! what remains of it when one has looked at several. [`board`] does so for a whole run,
//! [`words`] says what that means.
//!
//! Not in here: what a single score is worth (`score`), and how any of it is shown (`cli`).

pub mod board;
pub mod trials;
pub mod words;

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::statistics::{mcnemar, permutation};
use mmh_record::{grade::Grade, objective::Objective, trial::TrialId};

/// Below this a corrected p-value counts as more than noise.
pub const SIGNIFICANCE: f64 = 0.05;

/// The numbers of examples: those of several harnesses that are compared have their ids in memory once.
#[derive(Default)]
pub struct Numbers(HashMap<String, usize>);

/// An example by its number, and which of its trials is meant; 0 where it has only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Numbered {
    example: usize,
    trial: u32,
}

impl Numbers {
    /// The example that this id belongs to, or one of its trials.
    pub fn of(&mut self, id: &str) -> Numbered {
        let TrialId { example: id, number: trial } = TrialId::of(id);
        if let Some(example) = self.0.get(id) {
            return Numbered { example: *example, trial };
        }
        let example = self.0.len();
        self.0.insert(id.to_owned(), example);
        Numbered { example, trial }
    }
}

/// What a harness's answers are worth, by the numbers of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grades {
    marks: Vec<Option<Mark>>,
    /// Which trials have a grade.
    trials: HashSet<Numbered>,
    n_graded: u64,
    n_correct: u64,
}

/// As much of the grades of an example's trials as comparisons need.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mark {
    trials: u32,
    correct: u32,
    /// The sum over the trials.
    score: f64,
}

impl Mark {
    /// The fraction of trials that are right.
    fn right(self) -> f64 {
        f64::from(self.correct) / f64::from(self.trials.max(1))
    }

    /// The mean score of the trials.
    fn score(self) -> f64 {
        self.score / f64::from(self.trials.max(1))
    }
}

impl Grades {
    /// Enters the grade of an example, or of one of its trials. Says whether it had none before.
    pub fn enter(&mut self, at: Numbered, grade: &Grade) -> bool {
        let Numbered { example, trial } = at;
        if self.marks.len() <= example {
            self.marks.resize(example + 1, None);
        }
        let is_new = match trial {
            0 => self.marks[example].is_none(),
            _ => self.trials.insert(at),
        };
        if is_new {
            let mark = self.marks[example].get_or_insert_default();
            mark.trials += 1;
            mark.correct += u32::from(grade.correct);
            mark.score += grade.score;
            self.n_graded += 1;
            self.n_correct += u64::from(grade.correct);
        }
        is_new
    }

    /// How many answers have a grade, over all trials.
    pub fn n_graded(&self) -> u64 {
        self.n_graded
    }

    /// How many of them are right.
    pub fn n_correct(&self) -> u64 {
        self.n_correct
    }
}

/// One harness against another, over the examples that both have seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Examples that both have seen.
    pub n: u64,
    /// Wrong before, right after. With several trials: more of them right than before.
    pub fixed: u64,
    /// Right before, wrong after. With several trials: fewer of them right than before.
    pub broken: u64,
    /// The mean of the changes of scores. Absent where each example has one answer that is right or wrong: then `fixed` and
    /// `broken` say it.
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
        let count =
            |changed: fn(&(Mark, Mark)) -> bool| pairs.iter().filter(|pair| changed(pair)).count() as u64;
        let fixed = count(|(earlier, mark)| mark.right() > earlier.right());
        let broken = count(|(earlier, mark)| mark.right() < earlier.right());
        let change = |(earlier, mark): &(Mark, Mark)| match objective {
            Objective::Accuracy => mark.right() - earlier.right(),
            Objective::Score => mark.score() - earlier.score(),
        };
        let changes = || pairs.iter().map(change);
        let has_trials = pairs.iter().any(|(earlier, mark)| earlier.trials.max(mark.trials) > 1);
        let (score_change, p) = match objective {
            Objective::Accuracy if !has_trials => (None, mcnemar(fixed, broken)),
            Objective::Accuracy | Objective::Score => {
                (Some(changes().sum::<f64>() / n.max(1) as f64), permutation(changes()))
            }
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
            assert!(grades.enter(Numbered { example: at, trial: 0 }, &Grade::right_or_wrong(mark == '+')));
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
                let grade = Grade { score, correct: score == 1.0, ..Grade::default() };
                assert!(grades.enter(Numbered { example: at, trial: 0 }, &grade));
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
    fn trials_are_paired_by_the_mean_of_their_example() {
        let grades = |examples: &[&str]| -> Grades {
            let (mut numbers, mut grades) = (Numbers::default(), Grades::default());
            for (at, trials) in examples.iter().enumerate() {
                for (trial, mark) in (1..).zip(trials.chars()) {
                    let id = TrialId { example: &format!("val-{at}"), number: trial }.to_string();
                    assert!(grades.enter(numbers.of(&id), &Grade::right_or_wrong(mark == '+')));
                    assert!(!grades.enter(numbers.of(&id), &Grade::right_or_wrong(true)), "{id} twice");
                }
            }
            grades
        };
        let (before, after) = (grades(&["+-", "--", "++", "+-"]), grades(&["++", "++", "+-", "-+"]));
        assert_eq!((before.n_graded(), before.n_correct()), (8, 4));
        // Differences 0.5, 1, -0.5 and 0: six of the eight choices of signs have a sum of at least 1.
        let expected = Paired { n: 4, fixed: 2, broken: 1, score_change: Some(0.25), p: 0.75 };
        for objective in [Objective::Accuracy, Objective::Score] {
            let found = Paired::of(objective, &before, &after);
            assert_eq!(found, expected, "{objective:?}");
            assert_eq!(found.points(), 25.0);
        }
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
