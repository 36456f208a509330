//! From outcomes to a score: accuracy with its interval, and what it took.

use std::collections::BTreeMap;

use crate::{
    digest::Digest,
    evaluate::Learned,
    record::format::{Interval, Score, TraceRow},
};

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The score of these outcomes of a harness that has learned. An example without a prediction counts as
/// wrong. `mock` says that the models are simulated.
pub fn score(rows: &[TraceRow], learned: &Learned, mock: bool) -> Score {
    let n = rows.len() as u64;
    let n_correct = rows.iter().filter(|row| row.correct).count() as u64;
    let mut outcomes = BTreeMap::new();
    for row in rows {
        *outcomes.entry(row.error_kind.name().to_owned()).or_insert(0) += 1;
    }
    let mean = |total: f64| if n == 0 { 0.0 } else { total / n as f64 };
    Score {
        accuracy: mean(n_correct as f64),
        interval: wilson(n_correct, n),
        n_examples: n,
        n_correct,
        n_errors: rows.iter().filter(|row| row.error.is_some()).count() as u64,
        mean_latency_ms: mean(rows.iter().map(|row| row.latency_ms).sum()),
        total_input_tokens: rows.iter().map(|row| row.input_tokens).sum(),
        total_output_tokens: rows.iter().map(|row| row.output_tokens).sum(),
        total_fuel: rows.iter().map(|row| row.fuel).sum(),
        max_fuel: rows.iter().map(|row| row.fuel).max().unwrap_or(0),
        max_peak_memory_bytes: rows.iter().map(|row| row.peak_memory_bytes).max().unwrap_or(0),
        mean_prompt_bytes: mean(rows.iter().map(|row| row.prompt_bytes as f64).sum()),
        mean_model_calls: mean(rows.iter().map(|row| f64::from(row.model_calls)).sum()),
        outcomes,
        learn_fuel: learned.fuel,
        state_bytes: learned.state.len() as u64,
        state_digest: (!learned.state.is_empty()).then(|| Digest::of(&learned.state)),
        mock,
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

/// The exact two-sided p-value of McNemar's test: how likely a difference at least as one-sided as this
/// one is if each of the examples on which two harnesses differ is a coin toss. 1 where they never differ.
pub fn mcnemar(fixed: u64, broken: u64) -> f64 {
    let (n, fewer) = (fixed + broken, fixed.min(broken));
    // Logarithms, because 2^n soon exceeds what a number holds.
    let mut ln_choose = 0.0;
    let mut tail = 0.0;
    for k in 0..=fewer {
        if k > 0 {
            ln_choose += ((n - k + 1) as f64 / k as f64).ln();
        }
        tail += (ln_choose - n as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_matches_published_values() {
        // The first six are those that statsmodels tests its exact McNemar test against, the seventh is the
        // example of R's exact2x2; the rest is a binomial table.
        let table = [
            (121, 59, 4.434e-6),
            (70, 59, 0.378_688),
            (80, 59, 0.089_452),
            (30, 60, 0.002_06),
            (10, 30, 0.002_221),
            (10, 10, 1.0),
            (9, 2, 0.065_43),
            (0, 0, 1.0),
            (1, 0, 1.0),
            (5, 0, 0.0625),
            (0, 6, 0.031_25),
            (1, 8, 0.039_062_5),
            (0, 2000, 0.0),
        ];
        for (fixed, broken, expected) in table {
            let (found, mirrored) = (mcnemar(fixed, broken), mcnemar(broken, fixed));
            assert!((found - expected).abs() < 5e-6, "{fixed} and {broken}: {found}");
            assert_eq!(found, mirrored, "{fixed} and {broken}");
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
