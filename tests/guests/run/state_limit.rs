//! Learns more than it may keep.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = String;

    fn learn(_task: &Task, state: String, _feedback: &[Feedback], _model: &Model) -> Result<String> {
        Ok(state + &"x".repeat(32 << 20))
    }

    fn predict(_task: &Task, state: &String, _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(state.len().to_string()))
    }
}

mmh_sdk::export!(Guest);
