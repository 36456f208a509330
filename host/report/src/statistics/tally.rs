//! Sums over grades: the figure of an objective and its interval, without all grades in memory.

use std::borrow::Borrow;

use mmh_record::{
    format::{Interval, Score},
    grade::Grade,
    objective::{Figure, Objective},
};

use super::{student, wilson};

/// Sums over the grades of some examples. An example that had several trials counts once, with their mean: trials of one
/// example are not independent, so only examples are counted as observations (Miller 2024, "Adding Error Bars to Evals";
/// with as many trials of each example that is the same as clustered standard errors).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// The number of examples.
    pub n: u64,
    /// How many answers are correct, over all trials.
    pub correct: u64,
    right: Sums,
    score: Sums,
}

/// Sums over numbers from 0 to 1, one an example.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, number: f64) {
        self.sum += number;
        self.squares += number * number;
    }

    /// The mean. 0 of none.
    fn mean(&self, n: u64) -> f64 {
        self.sum / n.max(1) as f64
    }

    /// The 95 % interval of the mean: Student's, or Wilson's where all numbers are the same, or are 0 or 1, which are a
    /// proportion.
    fn interval(&self, n: u64) -> Interval {
        // No other number from 0 to 1 is its own square.
        if self.sum == self.squares {
            return wilson(self.sum as u64, n);
        }
        student(n, self.mean(n), self.squares)
    }
}

impl Tally {
    /// The sums over these grades, one an example. The last digits of the mean depend on their order.
    pub fn of(grades: impl IntoIterator<Item = impl Borrow<Grade>>) -> Self {
        let mut tally = Self::default();
        grades.into_iter().for_each(|grade| tally.add(grade.borrow()));
        tally
    }

    /// So many right answers of so many, which are right or wrong.
    pub fn right_or_wrong(correct: u64, n: u64) -> Self {
        let sums = Sums { sum: correct as f64, squares: correct as f64 };
        Self { n, correct, right: sums, score: sums }
    }

    /// Adds an example with this grade.
    pub fn add(&mut self, grade: &Grade) {
        self.add_example([grade]);
    }

    /// Adds an example with the grades of all its trials. A stranger's may have any number as its score, of which the
    /// nearest that a score can be counts.
    pub fn add_example(&mut self, trials: impl IntoIterator<Item = impl Borrow<Grade>>) {
        let (mut count, mut correct, mut score) = (0_u64, 0_u64, 0.0);
        for grade in trials {
            let grade = grade.borrow();
            count += 1;
            correct += u64::from(grade.correct);
            score += if grade.score.is_nan() { 0.0 } else { grade.score.clamp(0.0, 1.0) };
        }
        self.n += 1;
        self.correct += correct;
        self.right.add(correct as f64 / count.max(1) as f64);
        self.score.add(score / count.max(1) as f64);
    }

    /// The fraction of right answers. 0 of none.
    pub fn accuracy(&self) -> f64 {
        self.right.mean(self.n)
    }

    /// The mean score. 0 of none.
    pub fn mean(&self) -> f64 {
        self.score.mean(self.n)
    }

    /// The 95 % interval of the mean score.
    pub fn interval(&self) -> Interval {
        self.score.interval(self.n)
    }

    /// The figure that an objective compares, with its 95 % interval.
    pub fn figure(&self, objective: Objective) -> Figure {
        let (value, interval) = match objective {
            Objective::Accuracy => (self.accuracy(), self.right.interval(self.n)),
            Objective::Score => (self.mean(), self.interval()),
        };
        Figure { objective, value, interval }
    }

    /// A score with the fields that follow from grades, by what the objective needs.
    pub fn enter(&self, objective: Objective, score: &mut Score) {
        (score.n_examples, score.n_correct) = (self.n, self.correct);
        (score.accuracy, score.interval) = (self.accuracy(), self.right.interval(self.n));
        (score.mean_score, score.score_interval) = match objective {
            Objective::Accuracy => (None, None),
            Objective::Score => (Some(self.mean()), Some(self.interval())),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(scores: &[f64]) -> Tally {
        Tally::of(scores.iter().map(|&score| Grade { score, correct: score == 1.0, ..Grade::default() }))
    }

    /// The expected intervals are those of `scipy.stats.t.interval`, cut to what a mean can be.
    #[test]
    fn means_have_an_interval() {
        // scores, mean, low, high
        let table: [(&[f64], f64, f64, f64); 8] = [
            (&[], 0.0, 0.0, 1.0),
            (&[0.5], 0.5, 0.0, 1.0),
            (&[0.2, 0.4, 0.9], 0.5, 0.0, 1.0),
            (&[0.0, 0.25, 0.5, 0.75, 1.0, 0.5], 0.5, 0.128_968_471, 0.871_031_529),
            (
                &[0.1, 0.3, 0.3, 0.7, 0.2, 0.9, 0.8, 0.55, 0.6, 0.45, 0.35, 0.65],
                0.491_666_667,
                0.333_789_861,
                0.649_543_472,
            ),
            // All are the same: Wilson's, of one and a half of three.
            (&[0.5, 0.5, 0.5], 0.5, 0.125_33, 0.874_67),
            // A proportion: as Wilson's table has it.
            (&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 0.5, 0.236_6, 0.763_4),
            (&[f64::NAN, f64::INFINITY, -7.0, 2.0], 0.5, 0.150_0, 0.850_0),
        ];
        for (scores, mean, low, high) in table {
            let figure = tally(scores).figure(Objective::Score);
            let close = |found: f64, expected: f64| (found - expected).abs() < 1e-4;
            assert!(
                close(figure.value, mean)
                    && close(figure.interval.low, low)
                    && close(figure.interval.high, high),
                "{scores:?}: {figure:?}"
            );
        }
    }

    #[test]
    fn a_score_has_what_its_objective_needs() {
        let tally = tally(&[1.0, 0.5, 0.0, 0.25]);
        let mut score = Score::default();
        tally.enter(Objective::Accuracy, &mut score);
        assert_eq!((score.accuracy, score.n_correct, score.mean_score), (0.25, 1, None));
        tally.enter(Objective::Score, &mut score);
        assert_eq!((score.accuracy, score.mean_score), (0.25, Some(0.4375)));
        assert_eq!(score.figure(Objective::Score), tally.figure(Objective::Score));
    }
}
