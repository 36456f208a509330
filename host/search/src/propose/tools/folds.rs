//! Cross-validation on the train examples: a harness learns from all but a fold of them, and answers the fold.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Toolbox,
    tries::{Lesson, TRIED_TRAIN},
};
use crate::{
    dataset::Example,
    propose::{ProposeError, confusions::Confusions, history::Answer, pages, trials::Shown},
};
use mmh_engine::build::Built;
use mmh_record::{
    data::Split,
    format::{Cost, TraceRow},
    objective::Objective,
    outcome::OutcomeKind,
};

/// How many folds there may be, and how many there are if nothing is said.
pub const FOLDS: std::ops::RangeInclusive<usize> = 2..=10;
const DEFAULT_FOLDS: usize = 5;

/// Most wrong answers that are listed, most confusions, and most examples that a verbose trial shows in full.
const MAX_WRONG: usize = 50;
const MAX_CONFUSIONS: usize = 20;
const MAX_SHOWN: usize = 10;

/// Most bytes of an answer in the list of wrong ones.
const MAX_ANSWER: usize = 120;

/// The train examples that are used, by place, and the number of folds. The example at place `i` of them is in fold `i % folds`:
/// where a file is sorted by label, each fold has all labels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folds {
    places: Vec<usize>,
    folds: usize,
}

/// As much of an outcome as the result needs.
struct Outcome {
    example_id: String,
    gold: String,
    predicted: Option<String>,
    correct: bool,
    score: f64,
    kind: OutcomeKind,
    fuel: u64,
    model_calls: u32,
    tokens: (u64, u64),
}

impl Folds {
    /// So many folds of so many of the train examples, which are evenly spread. An error says what cannot be done.
    pub fn new(train: usize, folds: Option<usize>, rows: Option<usize>) -> Result<Self, String> {
        let folds = folds.unwrap_or(DEFAULT_FOLDS);
        if !FOLDS.contains(&folds) {
            return Err(format!("folds is {folds}: {} to {} are possible", FOLDS.start(), FOLDS.end()));
        }
        let rows = rows.unwrap_or(train).min(train);
        if rows < folds {
            return Err(format!("{rows} train examples cannot be divided into {folds} folds"));
        }
        Ok(Self { places: (0..rows).map(|at| at * train / rows).collect(), folds })
    }

    /// What is learned from and what is answered in a fold, counted from 0.
    fn of(&self, fold: usize, train: &[Example]) -> (Vec<Example>, Vec<Example>) {
        let pick = |is_wanted: &dyn Fn(usize) -> bool| -> Vec<Example> {
            let places = self.places.iter().enumerate().filter(|(at, _)| is_wanted(at % self.folds));
            places.filter_map(|(_, place)| train.get(*place).cloned()).collect()
        };
        (pick(&|of| of != fold), pick(&|of| of == fold))
    }

    /// The examples that a verbose trial shows in full, evenly spread.
    fn shown<'a>(&'a self, train: &'a [Example]) -> impl Iterator<Item = &'a Example> {
        let step = self.places.len().div_ceil(MAX_SHOWN).max(1);
        self.places.iter().step_by(step).filter_map(|place| train.get(*place))
    }
}

impl Toolbox<'_> {
    /// Runs all folds, one after the other. A fold that the harness ends is the end of the trial.
    pub(super) async fn cross_validate(
        &mut self,
        built: Built,
        folds: Folds,
        verbose: bool,
    ) -> Result<Answer, ProposeError> {
        let train = &self.context.dataset.train;
        let shown = if verbose { folds.shown(train).cloned().collect() } else { Vec::new() };
        let shown = Arc::new(Shown::of(&shown));
        let mut sum = Sum::default();
        for fold in 0..folds.folds {
            let (others, examples) = folds.of(fold, train);
            let lesson =
                Lesson { train: &others, split: Split::Train, examples: &examples, fold: Some(fold + 1) };
            let tried = match self.run(built.clone(), lesson, &shown, Outcome::of).await? {
                Ok(tried) => tried,
                Err(ended) => return Ok(ended),
            };
            sum.fuel.0 = sum.fuel.0.saturating_add(tried.learn_fuel);
            sum.state_bytes = sum.state_bytes.max(tried.state_bytes);
            sum.cost += tried.cost;
            sum.by_fold.push(tried.rows.iter().filter(|row| row.correct).count());
            sum.rows.extend(tried.rows);
        }
        let dataset = self.context.dataset;
        let found = sum.json(!dataset.is_open(), dataset.kind.objective());
        let found = match verbose {
            true => self.verbosely(found, &shown)?,
            false => pages::within(found.to_string(), self.max_bytes()),
        };
        self.history.note(TRIED_TRAIN, found.len())?;
        Ok(Ok(found))
    }
}

impl Outcome {
    fn of(row: TraceRow) -> Self {
        let score = row.grade().score;
        Self {
            example_id: row.example_id,
            gold: mmh_record::text::middle_cut(&row.gold_label, MAX_ANSWER),
            predicted: row.predicted_label.map(|label| mmh_record::text::middle_cut(&label, MAX_ANSWER)),
            correct: row.correct,
            score,
            kind: row.error_kind,
            fuel: row.fuel,
            model_calls: row.model_calls,
            tokens: (row.input_tokens, row.output_tokens),
        }
    }
}

/// What all folds came to.
#[derive(Default)]
struct Sum {
    rows: Vec<Outcome>,
    by_fold: Vec<usize>,
    /// Of `learn`, and of the examples.
    fuel: (u64, u64),
    state_bytes: usize,
    cost: Cost,
}

impl Sum {
    fn json(&self, has_labels: bool, objective: Objective) -> Value {
        let (rows, n) = (&self.rows, self.rows.len());
        let n_correct = rows.iter().filter(|row| row.correct).count();
        let mut found = json!({
            "ok": true,
            "split": "train",
            "folds": self.by_fold.len(),
            "rows": n,
            "n_correct": n_correct,
            "accuracy": n_correct as f64 / n.max(1) as f64,
            "n_correct_by_fold": self.by_fold,
        });
        if objective == Objective::Score {
            found["score"] = json!(rows.iter().map(|row| row.score).sum::<f64>() / n.max(1) as f64);
        }
        found["took"] = self.took();
        found["errors"] = self.errors();
        if has_labels {
            let mut confusions = Confusions::default();
            rows.iter().for_each(|row| confusions.add(&row.gold, row.predicted.as_deref(), row.correct));
            found["confusions"] = confusions.most(MAX_CONFUSIONS);
        }
        let wrong = || rows.iter().filter(|row| !row.correct);
        if wrong().nth(MAX_WRONG).is_some() {
            found["wrong_cut"] = json!(format!("the first {MAX_WRONG} of {} are listed", wrong().count()));
        }
        let listed = wrong().take(MAX_WRONG).map(|row| {
            json!({ "example_id": row.example_id, "gold_label": row.gold, "predicted_label": row.predicted })
        });
        found["wrong"] = listed.collect();
        found
    }

    /// What the trial cost.
    fn took(&self) -> Value {
        let sum = |of: fn(&Outcome) -> u64| self.rows.iter().map(of).fold(0, u64::saturating_add);
        json!({
            "model_calls_of_examples": sum(|row| row.model_calls.into()),
            "input_tokens_of_examples": sum(|row| row.tokens.0),
            "output_tokens_of_examples": sum(|row| row.tokens.1),
            "cost_usd_with_learn": self.cost.target_usd,
            "fuel_of_learn": self.fuel.0,
            "fuel_of_examples": sum(|row| row.fuel),
            "most_state_bytes": self.state_bytes,
        })
    }

    /// Examples without an answer, by kind. Whoever reads a record looks here for those of the wall clock.
    fn errors(&self) -> Value {
        let mut kinds: Vec<(&str, u64)> = Vec::new();
        for row in self.rows.iter().filter(|row| row.kind != OutcomeKind::Ok) {
            match kinds.iter_mut().find(|(kind, _)| *kind == row.kind.name()) {
                Some((_, count)) => *count += 1,
                None => kinds.push((row.kind.name(), 1)),
            }
        }
        kinds.iter().map(|(kind, count)| json!({ "error_kind": kind, "count": count })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_answered_once_and_never_learned_in_its_fold() {
        let train: Vec<Example> =
            (0..23).map(|at| Example::new(format!("train-{at:04}"), "text", "gold")).collect();
        // folds, rows, how many are used
        for (folds, rows, used) in [(None, None, 23), (Some(2), Some(7), 7), (Some(10), Some(99), 23)] {
            let made = Folds::new(train.len(), folds, rows).expect("they fit");
            let mut answered: Vec<String> = Vec::new();
            for fold in 0..made.folds {
                let (others, examples) = made.of(fold, &train);
                assert_eq!(others.len() + examples.len(), used);
                assert!(examples.iter().all(|it| others.iter().all(|other| other.id != it.id)));
                answered.extend(examples.iter().map(|it| it.id.clone()));
            }
            answered.sort();
            answered.dedup();
            assert_eq!(answered.len(), used, "{folds:?} of {rows:?}");
            assert!(made.shown(&train).count() <= MAX_SHOWN);
        }
        let table = [
            (23, Some(1), None, "folds is 1: 2 to 10 are possible"),
            (23, Some(11), None, "folds is 11: 2 to 10 are possible"),
            (4, None, None, "4 train examples cannot be divided into 5 folds"),
            (23, None, Some(3), "3 train examples cannot be divided into 5 folds"),
            (0, None, None, "0 train examples cannot be divided into 5 folds"),
        ];
        for (train, folds, rows, says) in table {
            assert_eq!(Folds::new(train, folds, rows).unwrap_err(), says);
        }
    }
}
