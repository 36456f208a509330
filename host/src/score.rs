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
        total_input_tokens: total(rows, |row| row.input_tokens),
        total_output_tokens: total(rows, |row| row.output_tokens),
        total_fuel: total(rows, |row| row.fuel),
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

/// A sum over all rows. They may be a stranger's, so it stops at the largest number.
fn total(rows: &[TraceRow], number: impl Fn(&TraceRow) -> u64) -> u64 {
    rows.iter().map(number).fold(0, u64::saturating_add)
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
    fn totals_beyond_counting_stop_at_the_largest_number() {
        let row: TraceRow = serde_json::from_value(serde_json::json!({
            "example_id": "val-0000", "model": "m", "input": "i", "gold_label": "a", "predicted_label": null,
            "correct": false, "latency_ms": 0.0, "input_tokens": u64::MAX, "output_tokens": u64::MAX,
            "error": null, "error_kind": "ok", "fuel": u64::MAX, "peak_memory_bytes": 0, "model_calls": 0,
            "prompt_bytes": 0, "logs": [],
        }))
        .expect("a row");
        assert_eq!(total(&[row.clone(), row], |row| row.fuel), u64::MAX);
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
