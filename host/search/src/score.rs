//! From outcomes to a score: accuracy or mean score with its interval, and the resources that were used.

use std::collections::BTreeMap;

use mmh_record::{
    format::{Cost, Score, ScorerTotals},
    objective::Objective,
    trial::TrialId,
};
use mmh_report::statistics::{Tally, Trials};

use crate::evaluate::{Learned, Outcome};

/// The score of these outcomes, which are in the order of the examples and of their trials, by what an objective needs. `learned` is the harness's state and what learning took. An
/// example without a prediction is worth nothing. `mock` says that the models are simulated.
pub fn score(rows: &[Outcome], objective: Objective, learned: &Learned, mock: bool) -> Score {
    let n = rows.len() as u64;
    let mut outcomes = BTreeMap::new();
    for row in rows {
        *outcomes.entry(row.kind.name().to_owned()).or_insert(0) += 1;
    }
    let mean = |total: f64| if n == 0 { 0.0 } else { total / n as f64 };
    let mut score = Score {
        mean_parts: mean_parts(rows),
        scorer: scorer(rows),
        n_errors: rows.iter().filter(|row| row.is_error).count() as u64,
        mean_latency_ms: mean(rows.iter().map(|row| row.latency_ms).sum()),
        total_input_tokens: total(rows, |row| row.input_tokens),
        total_output_tokens: total(rows, |row| row.output_tokens),
        total_fuel: total(rows, |row| row.fuel),
        max_fuel: rows.iter().map(|row| row.fuel).max().unwrap_or(0),
        max_peak_memory_bytes: rows.iter().map(|row| row.peak_memory_bytes).max().unwrap_or(0),
        mean_prompt_bytes: mean(rows.iter().map(|row| row.prompt_bytes as f64).sum()),
        mean_prompt_tokens: Some(mean(rows.iter().map(|row| row.input_tokens as f64).sum())),
        estimated_calls: total(rows, |row| row.estimated_calls.into()),
        mean_model_calls: mean(rows.iter().map(|row| f64::from(row.model_calls)).sum()),
        outcomes,
        learn_fuel: learned.fuel,
        state_bytes: learned.state().len() as u64,
        state_digest: learned.trained.state.recorded_digest(),
        mock,
        online: learned.online.as_deref().cloned(),
        ..Score::default()
    };
    let (mut tally, mut trials) = (Tally::default(), Trials::default());
    for of_example in rows.chunk_by(is_same_example) {
        tally.add_example(of_example.iter().map(|row| &row.grade));
        let number = |row: &Outcome| TrialId::of(&row.example_id).number;
        trials.add_example(of_example.iter().map(|row| (number(row), &row.grade)));
    }
    tally.enter(objective, &mut score);
    score.trials = trials.score(objective);
    score
}

/// The same score, with what the model calls of its examples cost.
pub fn with_cost(score: Score, examples: &Cost) -> Score {
    let mean_cost_usd = examples.estimated_usd / score.n_answers().max(1) as f64;
    Score { mean_cost_usd, ..score }
}

/// What the task's own scorer took, if it graded anything.
fn scorer(rows: &[Outcome]) -> Option<ScorerTotals> {
    let mut totals = ScorerTotals::default();
    rows.iter().filter_map(|row| row.scorer.as_ref()).for_each(|trace| totals.add(trace));
    (totals.n_answers > 0).then_some(totals)
}

/// Whether two outcomes are trials of one example.
fn is_same_example(one: &Outcome, other: &Outcome) -> bool {
    TrialId::of(&one.example_id).example == TrialId::of(&other.example_id).example
}

/// The mean of each part that a grade has.
fn mean_parts(rows: &[Outcome]) -> BTreeMap<String, f64> {
    let mut parts: BTreeMap<String, f64> = BTreeMap::new();
    for (name, part) in rows.iter().flat_map(|row| &row.grade.parts) {
        *parts.entry(name.clone()).or_default() += part;
    }
    parts.values_mut().for_each(|sum| *sum /= rows.len() as f64);
    parts
}

/// A sum over all rows. They may be a stranger's, so it stops at the largest number.
fn total(rows: &[Outcome], number: impl Fn(&Outcome) -> u64) -> u64 {
    rows.iter().map(number).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_beyond_counting_stop_at_the_largest_number() {
        let row: mmh_record::format::TraceRow = serde_json::from_value(serde_json::json!({
            "example_id": "val-0000", "model": "m", "input": "i", "gold_label": "a", "predicted_label": null,
            "correct": false, "latency_ms": 0.0, "input_tokens": u64::MAX, "output_tokens": u64::MAX,
            "error": null, "error_kind": "ok", "fuel": u64::MAX, "peak_memory_bytes": 0, "model_calls": 0,
            "prompt_bytes": 0, "logs": [],
        }))
        .expect("a row");
        let outcome = Outcome::of(&row);
        assert_eq!(total(&[outcome.clone(), outcome], |row| row.fuel), u64::MAX);
    }
}
