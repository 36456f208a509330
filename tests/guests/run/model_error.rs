//! Gives up when the model is unavailable.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(model.ask("unavailable")?))
    }
}

mmh_sdk::export!(Guest);
