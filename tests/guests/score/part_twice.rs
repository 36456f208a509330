//! Names two parts alike.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let _ = (task, input, gold, answer, model);
        Ok(Grade::partial(0.5).part("recall", 0.0).part("recall", 1.0))
    }
}

mmh_sdk::export_scorer!(Guest);
