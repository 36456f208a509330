//! Names two parts alike.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, _model: &Model) -> Result<Grade> {
        Ok(Grade::partial(0.5).part("recall", 0.0).part("recall", 1.0))
    }
}

mmh_sdk::export_scorer!(Guest);
