//! Asks until it may not ask any more.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, model: &Model) -> Result<Grade> {
        loop {
            model.ask("again")?;
        }
    }
}

mmh_sdk::export_scorer!(Guest);
