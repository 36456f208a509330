//! Counts labels while it learns, and answers the most frequent one.

use mmh_sdk::prelude::*;
use std::collections::BTreeMap;

struct Guest;

impl Harness for Guest {
    type State = BTreeMap<String, u32>;

    fn learn(_task: &Task, mut state: BTreeMap<String, u32>, feedback: &[Feedback], _model: &Model) -> Result<BTreeMap<String, u32>> {
        for it in feedback {
            *state.entry(it.gold.clone()).or_default() += 1;
        }
        Ok(state)
    }

    fn predict(_task: &Task, state: &BTreeMap<String, u32>, _input: &Input, _model: &Model) -> Result<Answer> {
        let most = state.iter().max_by_key(|(_, count)| **count);
        Ok(Answer::new(most.map_or("nothing", |(label, _)| label)))
    }
}

mmh_sdk::export!(Guest);
