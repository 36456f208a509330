//! Has no answer without the model.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let _ = (task, input, gold, answer, model);
        Ok(Grade::partial(model.ask("unavailable")?.len() as f64))
    }
}

mmh_sdk::export_scorer!(Guest);
