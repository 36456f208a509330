//! Intervals of figures, and tests of paired grades. Which of them holds for an objective is decided here.

mod permutation;
mod screening;
mod tally;
mod trials;

use mmh_record::{format::Interval, objective::Objective};

pub use permutation::permutation;
pub use screening::{SCREENING_ERROR, contenders, screening_level, screening_test, worse};
pub use tally::Tally;
pub use trials::{Trials, pass_k};

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The name of the test that [`Paired`](crate::compare::Paired) makes for an objective and so many trials of each example,
/// for people.
pub fn paired_test(objective: Objective, trials: u32) -> &'static str {
    match objective {
        Objective::Accuracy if trials > 1 => {
            "paired permutation of each example's mean over its trials, two-sided, over the same examples"
        }
        Objective::Score if trials > 1 => {
            "paired permutation of each example's mean score over its trials, two-sided, over the same examples"
        }
        Objective::Accuracy => "exact McNemar, two-sided, over the same examples",
        Objective::Score => "paired permutation of scores, two-sided, over the same examples",
    }
}

/// Wilson's 95 % interval of a proportion. Holds also at 0 % and 100 %, where the simple one collapses.
pub fn wilson(successes: u64, trials: u64) -> Interval {
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    wilson_of(successes as f64 / trials as f64, trials)
}

/// The same for a proportion, or for a mean of numbers from 0 to 1, which varies no more than one.
fn wilson_of(p: f64, trials: u64) -> Interval {
    let n = trials as f64;
    let scale = 1.0 + Z * Z / n;
    let center = (p + Z * Z / (2.0 * n)) / scale;
    let spread = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Interval { low: (center - spread).max(0.0), high: (center + spread).min(1.0) }
}

/// The 0.975 quantiles of Student's distribution for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706204736,
    4.30265273,
    3.182446305,
    2.776445105,
    2.570581836,
    2.446911851,
    2.364624252,
    2.306004135,
    2.262157163,
    2.228138852,
    2.20098516,
    2.17881283,
    2.160368656,
    2.144786688,
    2.131449546,
    2.119905299,
    2.109815578,
    2.10092204,
    2.093024054,
    2.085963447,
    2.079613845,
    2.073873068,
    2.06865761,
    2.063898562,
    2.059538553,
    2.055529439,
    2.051830516,
    2.048407142,
    2.045229642,
    2.042272456,
];

/// The same for any number of degrees above that: the first terms of Cornish and Fisher's expansion, which has seven
/// digits right from 30 on.
fn student_quantile(degrees: u64) -> f64 {
    let at = usize::try_from(degrees).unwrap_or(usize::MAX);
    if let Some(known) = at.checked_sub(1).and_then(|at| STUDENT.get(at)) {
        return *known;
    }
    let (n, z2) = (degrees.max(1) as f64, Z * Z);
    let first = Z * (z2 + 1.0) / 4.0;
    let second = Z * (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / 96.0;
    let third = Z * (3.0 * z2 * z2 * z2 + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / 384.0;
    Z + first / n + second / (n * n) + third / (n * n * n)
}

/// Less is no variance, but what is left of one by rounding.
const NO_VARIANCE: f64 = 1e-12;

/// Student's 95 % interval of the mean of numbers from 0 to 1, of which the sum of squares is given. One number says
/// nothing of how far others are; and where all are the same, the next one may still be another: then it is Wilson's.
fn student(n: u64, mean: f64, squares: f64) -> Interval {
    if n < 2 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let count = n as f64;
    let variance = ((squares - count * mean * mean) / (count - 1.0)).max(0.0);
    if variance < NO_VARIANCE {
        return wilson_of(mean, n);
    }
    let reach = student_quantile(n - 1) * (variance / count).sqrt();
    Interval { low: (mean - reach).max(0.0), high: (mean + reach).min(1.0) }
}

/// The two-sided p-value of McNemar's exact test: how likely a difference as large as this one is where
/// neither of two harnesses is better. `fixed` and `broken` count the examples that only one of them got right.
pub fn mcnemar(fixed: u64, broken: u64) -> f64 {
    (2.0 * screening::tail_of_coins(fixed.min(broken), fixed + broken)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sign test tables, and the worked examples of statsmodels (121, 59) and of R's exact2x2 (86, 150).
    #[test]
    fn mcnemar_matches_published_values() {
        let table = [
            (0, 0, 1.0),
            (3, 3, 1.0),
            (5, 0, 0.0625),
            (0, 6, 0.03125),
            (1, 9, 0.021_484),
            (8, 2, 0.109_375),
            (5, 15, 0.041_389),
            (7, 18, 0.043_285),
            (121, 59, 4.434_449e-6),
            (86, 150, 3.715_936e-5),
            (1000, 1200, 2.181_703e-5),
            (0, 5000, 0.0),
        ];
        for (fixed, broken, expected) in table {
            let found = mcnemar(fixed, broken);
            assert!((found - expected).abs() <= expected * 1e-4, "{fixed}, {broken}: {found}");
            assert_eq!(found, mcnemar(broken, fixed), "{fixed}, {broken}: both ways");
        }
    }

    /// Tables of the distribution have these values, and `scipy.stats.t.ppf` more digits of them.
    #[test]
    fn quantiles_of_student_match_published_values() {
        let table = [
            (1, 12.706_204_736),
            (2, 4.302_652_730),
            (10, 2.228_138_852),
            (30, 2.042_272_456),
            (31, 2.039_513_446),
            (40, 2.021_075_390),
            (60, 2.000_297_822),
            (120, 1.979_930_405),
            (211, 1.971_270_646),
            (1000, 1.962_339_081),
            (u64::MAX, Z),
        ];
        for (degrees, expected) in table {
            let found = student_quantile(degrees);
            assert!((found - expected).abs() < 2e-6, "{degrees}: {found}");
        }
    }

    #[test]
    fn wilson_matches_published_values() {
        let table = [
            (0, 10, 0.0, 0.2775),
            (5, 10, 0.2366, 0.7634),
            (10, 10, 0.7225, 1.0),
            (81, 263, 0.2553, 0.3662),
            (0, 0, 0.0, 1.0),
        ];
        for (successes, trials, low, high) in table {
            let found = wilson(successes, trials);
            assert!(
                (found.low - low).abs() < 1e-4 && (found.high - high).abs() < 1e-4,
                "{successes}/{trials}: {found:?}"
            );
        }
    }
}
