//! Goes on when the model is unavailable.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let reply = model.ask("unavailable").unwrap_or_else(|error| format!("without the model: {error}"));
        Ok(Answer::new(reply))
    }
}

mmh_sdk::export!(Guest);
