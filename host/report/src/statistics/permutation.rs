//! The paired permutation test: whether two harnesses differ in their mean score over the same examples.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Up to so many pairs that differ, all ways to swap them are tried. Above, ways are drawn.
const EXACT_PAIRS: usize = 16;

/// Most ways that are drawn. The smallest p-value is the reciprocal of one more.
const DRAWS: u64 = 49_999;

/// After so many ways that give as large a difference, no more are drawn: the p-value is not a small one.
const ENOUGH: u64 = 100;

/// Every comparison draws the same ways, so that a p-value is the same whenever it is computed.
const SEED: u64 = 0;

/// Scores are compared in steps of this part of 1, so that sums are exact whatever their order.
const STEPS: f64 = (1u64 << 32) as f64;

/// The two-sided p-value of paired differences: how likely a sum as large as theirs is where neither of two harnesses is
/// better, so that each difference could as well have the other sign (Fisher 1935). Exact for few pairs that differ. For
/// many, random signs are drawn until 100 sums are as large or 49,999 are drawn (Besag and Clifford 1991).
pub fn permutation(differences: impl IntoIterator<Item = f64>) -> f64 {
    let steps = steps(differences);
    let observed = steps.iter().sum::<i64>().abs();
    of_signs(&steps, |sum| sum.abs() >= observed)
}

/// The one-sided p-value: how likely a sum at most as large as that of these differences is.
pub(super) fn at_most(steps: &[i64]) -> f64 {
    let observed = steps.iter().sum::<i64>();
    of_signs(steps, |sum| sum <= observed)
}

/// Differences in steps, without those that are none.
pub(super) fn steps(differences: impl IntoIterator<Item = f64>) -> Vec<i64> {
    let steps =
        differences.into_iter().map(|difference| (difference.clamp(-1.0, 1.0) * STEPS).round() as i64);
    steps.filter(|step| *step != 0).collect()
}

/// How likely a sum of that kind is where each step could as well have the other sign.
fn of_signs(steps: &[i64], is_such: impl Fn(i64) -> bool) -> f64 {
    match steps.len() {
        0 => 1.0,
        1..=EXACT_PAIRS => exact(steps, is_such),
        _ => drawn(steps, is_such),
    }
}

fn exact(steps: &[i64], is_such: impl Fn(i64) -> bool) -> f64 {
    let ways = 1u64 << steps.len();
    // By Gray's code one sign changes from each way to the next.
    let (mut sum, mut as_large) = (steps.iter().sum::<i64>(), 1u64);
    let mut signs = vec![1i64; steps.len()];
    for way in 1..ways {
        let at = way.trailing_zeros() as usize;
        signs[at] = -signs[at];
        sum += 2 * signs[at] * steps[at];
        as_large += u64::from(is_such(sum));
    }
    as_large as f64 / ways as f64
}

fn drawn(steps: &[i64], is_such: impl Fn(i64) -> bool) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let tables: Vec<[i64; 256]> = steps.chunks(8).map(sums).collect();
    let mut signs = vec![0; tables.len()];
    let mut as_large = 0;
    for draw in 1..=DRAWS {
        random.fill_bytes(&mut signs);
        let sum: i64 = tables.iter().zip(&signs).map(|(table, signs)| table[usize::from(*signs)]).sum();
        as_large += u64::from(is_such(sum));
        if as_large == ENOUGH {
            return as_large as f64 / draw as f64;
        }
    }
    (as_large + 1) as f64 / (DRAWS + 1) as f64
}

/// The sum of up to eight differences for every choice of signs, by bits.
fn sums(steps: &[i64]) -> [i64; 256] {
    std::array::from_fn(|signs| {
        let signed =
            steps.iter().enumerate().map(|(at, step)| if signs >> at & 1 == 1 { -step } else { *step });
        signed.sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Darwin's maize is the example of Fisher's book; the others were counted by a script of a few lines in Python.
    #[test]
    fn few_pairs_are_tested_exactly() {
        let darwin =
            [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48].map(|it| f64::from(it) / 128.0);
        let table: [(&[f64], f64); 9] = [
            (&[], 1.0),
            (&[0.0, 0.0], 1.0),
            (&[f64::NAN], 1.0),
            (&[0.5], 1.0),
            (&[0.5, 0.25, 0.0], 0.5),
            (&[0.1, 0.2, 0.3, -0.05, 0.4], 0.125),
            (&[0.5, -0.5, 0.25, 0.25, 0.75, 1.0, -0.25, 0.5], 42.0 / 256.0),
            (&[0.3, -0.1, 0.2, 0.4, -0.3, 0.6, 0.1, 0.2, -0.2, 0.5, 0.05, 0.15], 324.0 / 4096.0),
            (&darwin, 1726.0 / 32768.0),
        ];
        for (differences, expected) in table {
            let found = permutation(differences.iter().copied());
            assert!((found - expected).abs() < 1e-12, "{differences:?}: {found}");
            let other_way = permutation(differences.iter().map(|it| -it));
            assert_eq!(found, other_way, "{differences:?}: both ways");
        }
    }

    /// The exact p-values were computed by adding up the whole distribution in Python.
    #[test]
    fn many_pairs_are_tested_by_chance_and_always_alike() {
        for (shift, exact, within) in [(0, 0.919_036, 0.1), (1, 0.035_569, 0.25), (2, 0.000_268_3, 0.6)] {
            let differences =
                || (0..40).map(move |at| f64::from((at * 37 + shift * 11) % 21 - 10 + shift * 2) / 32.0);
            let found = permutation(differences());
            assert!((found / exact - 1.0).abs() < within, "{shift}: {found}");
            assert_eq!(found, permutation(differences()), "{shift}: again");
        }
        let all_better = permutation(std::iter::repeat_n(0.1, 1_000));
        assert!((all_better - 1.0 / 50_000.0).abs() < 1e-12, "{all_better}");
    }

    /// Where neither is better, a p-value below 0.05 comes once in twenty times.
    #[test]
    fn chance_is_called_a_difference_as_seldom_as_is_said() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut draw = || (random.next_u32() % 201) as f64 / 100.0 - 1.0;
        let called =
            (0..1_000).filter(|_| permutation((0..30).map(|_| draw()).collect::<Vec<_>>()) < 0.05).count();
        assert!((25..=80).contains(&called), "{called} of 1,000");
    }
}
