//! Names a crate that is not there.
use mmh_sdk::prelude::*;

use rand::Rng;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("x"))
    }
}

mmh_sdk::export!(Guest);
