//! The test of a first look: whether a harness is clearly worse than the best one so far, on the examples that both have
//! answered.

use super::permutation::{at_most, steps};
use mmh_record::{format::Interval, objective::Objective};

/// How often a harness that is as good as the best one may be taken for a worse one.
pub const SCREENING_ERROR: f64 = 0.05;

/// The name of the test, for people.
pub fn screening_test(objective: Objective) -> &'static str {
    match objective {
        Objective::Accuracy => "exact McNemar, one-sided",
        Objective::Score => "paired permutation of scores, one-sided",
    }
}

/// The one-sided p-value of paired differences, new less old: how likely a sum as small as theirs is where the new one is
/// no worse, so that each difference could as well have the other sign. Of differences that are all alike, such as those of
/// right and wrong answers, it is McNemar's exact test. Of few others all signs are tried, of many some are drawn.
pub fn worse(differences: impl IntoIterator<Item = f64>) -> f64 {
    let steps = steps(differences);
    let is_alike = steps.iter().all(|step| step.abs() == steps[0].abs());
    match steps.len() {
        0 => 1.0,
        _ if is_alike => {
            let better = steps.iter().filter(|step| **step > 0).count() as u64;
            tail_of_coins(better, steps.len() as u64)
        }
        _ => at_most(&steps),
    }
}

/// How many of these harnesses the best one could as well have been, by their intervals: those that meet the best one's.
pub fn contenders(best: Interval, all: impl IntoIterator<Item = Interval>) -> usize {
    let meets = |it: &Interval| it.low <= best.high && best.low <= it.high;
    all.into_iter().filter(meets).count()
}

/// Below which p-value a harness is clearly worse. The best one was chosen by its score, and so has had luck on the same
/// examples. It could have been any of the harnesses that are not clearly behind it, so the error is shared among so many.
pub fn screening_level(contenders: usize) -> f64 {
    SCREENING_ERROR / contenders.max(1) as f64
}

/// How likely at most so many heads of `n` fair coins are.
pub(super) fn tail_of_coins(heads: u64, n: u64) -> f64 {
    // From logarithms: a half to the power of n is too small a number soon.
    let n = n as f64;
    let (mut log_term, mut tail) = (n * 0.5f64.ln(), 0.0f64);
    for k in 0..=heads {
        tail += log_term.exp();
        log_term += ((n - k as f64) / (k as f64 + 1.0)).ln();
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{Rng, SeedableRng},
    };

    use super::*;

    /// `scipy.stats.binomtest(fixed, fixed + broken, alternative="less")` gives these.
    #[test]
    fn right_and_wrong_answers_are_tested_exactly() {
        // fixed, broken, p
        let table = [
            (0, 0, 1.0),
            (5, 0, 1.0),
            (0, 5, 0.031_25),
            (1, 9, 0.010_742),
            (2, 8, 0.054_688),
            (8, 2, 0.989_258),
            (59, 121, 2.217_225e-6),
        ];
        for (fixed, broken, expected) in table {
            let differences = std::iter::repeat_n(1.0, fixed).chain(std::iter::repeat_n(-1.0, broken));
            let found = worse(differences.chain([0.0]));
            assert!((found - expected).abs() <= expected * 1e-4, "{fixed}, {broken}: {found}");
        }
    }

    #[test]
    fn scores_are_tested_by_their_signs() {
        let table: [(&str, &[f64], f64); 5] = [
            ("no difference", &[0.0, 0.0], 1.0),
            ("all signs but one are larger", &[-0.5, -0.25], 0.25),
            ("one of both", &[-0.5, 0.25], 0.5),
            ("better", &[0.5, 0.25], 1.0),
            // Sums of at most -1.05 and the signs for it: all but those where only 0.05 is swapped.
            ("four", &[-0.1, -0.2, -0.3, -0.4, -0.05], 1.0 / 32.0),
        ];
        for (name, differences, expected) in table {
            let found = worse(differences.iter().copied());
            assert!((found - expected).abs() < 1e-12, "{name}: {found}");
        }
        let many = || (0..60).map(|at| if at % 4 == 0 { 0.3 } else { -0.2 });
        assert!(worse(many()) < 0.05 && worse(many()) == worse(many()), "{}", worse(many()));
        assert!(worse(many().map(|it| -it)) > 0.9);
    }

    /// How many of some harnesses are dropped that come one after the other, on so many first examples of 200. Each answers
    /// an example right as often as `chance` says; the first one is the baseline. The best by all examples is the rival, as
    /// in a search. Returns dropped ones and the calls of all.
    fn search(
        random: &mut ChaCha8Rng,
        first: usize,
        chance: impl Fn(usize) -> f64,
        n: usize,
    ) -> (usize, usize) {
        const ALL: usize = 200;
        let mut answers = |chance: f64| -> Vec<bool> {
            (0..ALL).map(|_| f64::from(random.next_u32()) / f64::from(u32::MAX) < chance).collect()
        };
        let count = |answers: &[bool]| answers.iter().filter(|right| **right).count() as u64;
        let interval = |answers: &[bool]| super::super::wilson(count(answers), ALL as u64);
        let mut scored = vec![answers(chance(0))];
        let (mut dropped, mut calls) = (0, 0);
        for at in 1..=n {
            let new = answers(chance(at));
            let best = scored.iter().rev().max_by_key(|it| count(it)).expect("a baseline").clone();
            let contenders = contenders(interval(&best), scored.iter().map(|it| interval(it)));
            let differences = new.iter().zip(&best).take(first);
            let p =
                worse(differences.map(|(new, old)| f64::from(u8::from(*new)) - f64::from(u8::from(*old))));
            if p < screening_level(contenders) {
                dropped += 1;
                calls += first;
            } else {
                calls += ALL;
                scored.push(new);
            }
        }
        (dropped, calls)
    }

    /// The best of many has had luck, and is still no reason to drop one that is as good.
    #[test]
    fn equally_good_harnesses_are_dropped_no_more_often_than_is_said() {
        let mut random = ChaCha8Rng::seed_from_u64(15);
        const SEARCHES: usize = 100;
        for (chance, first) in [(0.5, 50), (0.8, 50), (0.5, 20), (0.3, 100)] {
            let dropped: usize = (0..SEARCHES).map(|_| search(&mut random, first, |_| chance, 60).0).sum();
            let share = dropped as f64 / (60 * SEARCHES) as f64;
            assert!(share <= SCREENING_ERROR, "{chance} on {first}: {share}");
        }
    }

    #[test]
    fn clearly_bad_harnesses_take_few_calls() {
        let mut random = ChaCha8Rng::seed_from_u64(16);
        for (good, bad) in [(0.6, 0.2), (0.9, 0.5), (0.5, 0.05)] {
            for _ in 0..20 {
                let chance = |at| if at == 0 { good } else { bad };
                let (dropped, calls) = search(&mut random, 50, chance, 60);
                assert!(calls * 3 <= 60 * 200, "{good} and {bad}: {dropped} dropped, {calls} calls");
            }
        }
    }
}
