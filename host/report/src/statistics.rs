//! Intervals of figures, and tests of paired grades. Which of them holds for an objective is decided here.

use mmh_record::{format::Interval, objective::Objective};

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % interval of an objective's figure over examples of which so many were answered right: Wilson's, for a
/// fraction of right answers. An objective of another kind needs more than these counts.
pub fn interval(objective: Objective, n_correct: u64, n_examples: u64) -> Interval {
    match objective {
        Objective::Accuracy => wilson(n_correct, n_examples),
    }
}

/// The name of the test that [`Paired`](crate::compare::Paired) makes for an objective, for people.
pub fn paired_test(objective: Objective) -> &'static str {
    match objective {
        Objective::Accuracy => "exact McNemar, two-sided, over the same examples",
    }
}

/// The p-value of [`paired_test`] for so many examples that only one of two harnesses got right.
pub fn paired_p(objective: Objective, fixed: u64, broken: u64) -> f64 {
    match objective {
        Objective::Accuracy => mcnemar(fixed, broken),
    }
}

/// Wilson's 95 % interval of a proportion. Holds also at 0 % and 100 %, where the simple one collapses.
pub fn wilson(successes: u64, trials: u64) -> Interval {
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let scale = 1.0 + Z * Z / n;
    let center = (p + Z * Z / (2.0 * n)) / scale;
    let spread = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Interval { low: (center - spread).max(0.0), high: (center + spread).min(1.0) }
}

/// The two-sided p-value of McNemar's exact test: how likely a difference as large as this one is where
/// neither of two harnesses is better. `fixed` and `broken` count the examples that only one of them got right.
pub fn mcnemar(fixed: u64, broken: u64) -> f64 {
    let n = (fixed + broken) as f64;
    // The lower tail of a fair coin, from logarithms: a half to the power of n is too small a number soon.
    let (mut log_term, mut tail) = (n * 0.5f64.ln(), 0.0);
    for k in 0..=fixed.min(broken) {
        tail += log_term.exp();
        log_term += ((n - k as f64) / (k as f64 + 1.0)).ln();
    }
    (2.0 * tail).min(1.0)
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
