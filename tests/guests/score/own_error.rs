//! Cannot score.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, answer: &Answer, _model: &Model) -> Result<Grade> {
        bail!("no number in {answer:?}", answer = answer.text)
    }
}

mmh_sdk::export_scorer!(Guest);
