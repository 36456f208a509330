//! Sends a prompt that is too large.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(model.ask("x".repeat(2 << 20))?))
    }
}

mmh_sdk::export!(Guest);
