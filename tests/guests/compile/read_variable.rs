//! Wants a variable of the environment.
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(env!("HOME")))
    }
}

mmh_sdk::export!(Guest);
