//! Panics.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, gold: &str, _answer: &Answer, _model: &Model) -> Result<Grade> {
        Ok(Grade::partial([0.5][gold.len()]))
    }
}

mmh_sdk::export_scorer!(Guest);
