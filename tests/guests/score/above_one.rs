//! Gives more than there is.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, _model: &Model) -> Result<Grade> {
        Ok(Grade::partial(1.5))
    }
}

mmh_sdk::export_scorer!(Guest);
