//! Panics while it learns.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = String;

    fn learn(_task: &Task, _state: String, feedback: &[Feedback], _model: &Model) -> Result<String> {
        panic!("cannot learn {} examples", feedback.len())
    }

    fn predict(_task: &Task, _state: &String, _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("never"))
    }
}

mmh_sdk::export!(Guest);
