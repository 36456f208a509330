//! Right or wrong.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, gold: &str, answer: &Answer, _model: &Model) -> Result<Grade> {
        Ok(Grade::right_or_wrong(answer.text == gold))
    }
}

mmh_sdk::export_scorer!(Guest);
