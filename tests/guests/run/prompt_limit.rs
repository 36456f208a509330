//! Sends a prompt that is too large.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new(model.ask("x".repeat(2 << 20))?))
    }
}

mmh_sdk::export!(Guest);
