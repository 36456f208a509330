//! Cannot score.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(task: &Task, input: &Input, gold: &str, answer: &Answer, model: &Model) -> Result<Grade> {
        let _ = (task, input, gold, answer, model);
        bail!("no number in {answer:?}", answer = answer.text)
    }
}

mmh_sdk::export_scorer!(Guest);
