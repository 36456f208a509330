//! Has no answer without the model.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, model: &Model) -> Result<Grade> {
        Ok(Grade::partial(model.ask("unavailable")?.len() as f64))
    }
}

mmh_sdk::export_scorer!(Guest);
