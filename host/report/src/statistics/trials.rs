//! What several trials of each example come to: the mean of each trial, their spread, and pass^k.

use std::{borrow::Borrow, collections::BTreeMap};

use mmh_record::{format::TrialScore, grade::Grade, objective::Objective};

use super::Tally;

/// The trials of examples. They are added example by example.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    /// The tallies of the trials, by their numbers.
    by_number: BTreeMap<u32, Tally>,
    /// The number of examples, by how many trials they had and how many of these were right.
    right: BTreeMap<(u64, u64), u64>,
}

impl Trials {
    /// Adds an example with its trials, each with its number.
    pub fn add_example(&mut self, trials: impl IntoIterator<Item = (u32, impl Borrow<Grade>)>) {
        let (mut count, mut correct) = (0, 0);
        for (number, grade) in trials {
            let grade = grade.borrow();
            count += 1;
            correct += u64::from(grade.correct);
            self.by_number.entry(number).or_default().add(grade);
        }
        *self.right.entry((count, correct)).or_default() += 1;
    }

    /// What they come to. Nothing where each example had one trial.
    pub fn score(&self, objective: Objective) -> Option<TrialScore> {
        let count = u32::try_from(self.by_number.len()).ok().filter(|count| *count > 1)?;
        let means: Vec<f64> = self.by_number.values().map(|tally| tally.figure(objective).value).collect();
        let examples: u64 = self.right.values().sum();
        let mut pass = vec![0.0; count as usize];
        for ((count, correct), of_examples) in &self.right {
            let weight = *of_examples as f64 / examples.max(1) as f64;
            let each = pass.iter_mut().zip(pass_k(*correct, *count));
            each.for_each(|(sum, chance)| *sum += weight * chance);
        }
        Some(TrialScore { count, spread: spread(&means), means, pass })
    }
}

/// pass^k for k from 1 on: the chance that k trials of an example are all right, where `correct` of `trials` were. It is
/// C(c, k) / C(n, k), which is unbiased (Yao et al. 2024, "tau-bench").
pub fn pass_k(correct: u64, trials: u64) -> impl Iterator<Item = f64> {
    // Of all ways to draw k of n, so many draw right ones only: factor by factor, because the binomials are large.
    (0..).scan(1.0, move |chance, at: u64| {
        let (right, left) = (correct.saturating_sub(at), trials.saturating_sub(at));
        *chance *= right as f64 / left.max(1) as f64;
        Some(*chance)
    })
}

/// The standard deviation of some numbers, with one less than their number in the denominator. 0 of fewer than two.
fn spread(numbers: &[f64]) -> f64 {
    if numbers.len() < 2 {
        return 0.0;
    }
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (squares / (numbers.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(mark: char) -> Grade {
        Grade::right_or_wrong(mark == '+')
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    /// By hand: C(3, 2) / C(4, 2) is 3 of 6, and so on.
    #[test]
    fn pass_k_is_that_of_its_formula() {
        // right, trials, k, pass^k
        let table = [
            (0, 3, 1, 0.0),
            (1, 3, 1, 1.0 / 3.0),
            (2, 3, 2, 1.0 / 3.0),
            (2, 3, 3, 0.0),
            (3, 3, 3, 1.0),
            (3, 4, 2, 3.0 / 6.0),
            (5, 8, 3, 10.0 / 56.0),
            (4, 8, 4, 1.0 / 70.0),
            (3, 3, 4, 0.0),
            (100, 200, 1, 0.5),
        ];
        for (right, trials, k, expected) in table {
            let found = pass_k(right, trials).nth(k - 1).unwrap_or_default();
            assert!(close(found, expected), "{right} of {trials}, k {k}: {found}");
        }
    }

    /// Means, spread and pass^k by hand; intervals by `scipy.stats.t.interval` of the means of the examples.
    #[test]
    fn trials_are_summed_up_by_example() {
        // name, examples (a mark a trial), accuracy, low, high, means, spread, pass^k
        type Row = (&'static str, &'static [&'static str], [f64; 3], &'static [f64], f64, &'static [f64]);
        const THIRD: f64 = 1.0 / 3.0;
        let table: [Row; 4] = [
            ("one trial each", &["+", "-"], [0.5, 0.094_531, 0.905_469], &[], 0.0, &[]),
            (
                "trials that agree are no further examples",
                &["++++", "----"],
                [0.5, 0.094_531, 0.905_469],
                &[0.5, 0.5, 0.5, 0.5],
                0.0,
                &[0.5, 0.5, 0.5, 0.5],
            ),
            (
                "trials that do not",
                &["+++", "++-", "---", "+--"],
                [0.5, 0.0, 1.0],
                &[0.75, 0.5, 0.25],
                0.25,
                &[0.5, THIRD, 0.25],
            ),
            (
                "two trials of six",
                &["++", "+-", "-+", "++", "++", "--"],
                [2.0 * THIRD, 0.238_236, 1.0],
                &[2.0 * THIRD, 2.0 * THIRD],
                0.0,
                &[2.0 * THIRD, 0.5],
            ),
        ];
        for (name, examples, [mean, low, high], means, spread, pass) in table {
            let (mut trials, mut tally) = (Trials::default(), Tally::default());
            for example in examples {
                let grades: Vec<Grade> = example.chars().map(grade).collect();
                trials.add_example((1..).zip(&grades));
                tally.add_example(&grades);
            }
            let figure = tally.figure(Objective::Accuracy);
            let found = [figure.value, figure.interval.low, figure.interval.high];
            let near = found.iter().zip([mean, low, high]).all(|(found, it)| (found - it).abs() < 1e-5);
            assert!(near, "{name}: {found:?}");
            let found = trials.score(Objective::Accuracy).unwrap_or_default();
            assert!(close(found.spread, spread), "{name}: {}", found.spread);
            for (found, expected) in [(&found.means, means), (&found.pass, pass)] {
                let near = found.iter().zip(expected).all(|(found, it)| close(*found, *it));
                assert!(near && found.len() == expected.len(), "{name}: {found:?}");
            }
        }
    }
}
