//! Names a crate that is not there.
use mmh_sdk::prelude::*;

use rand::Rng;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("x"))
    }
}

mmh_sdk::export!(Guest);
