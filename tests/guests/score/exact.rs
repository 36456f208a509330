//! Right or wrong.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let _ = (task, input, gold, answer, model);
        Ok(Grade::right_or_wrong(answer.text == gold))
    }
}

mmh_sdk::export_scorer!(Guest);
