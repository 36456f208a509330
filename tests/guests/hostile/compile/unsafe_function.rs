//! Declares an unsafe function.
//! expect: did-not-compile | unsafe

use mmh_sdk::prelude::*;

pub unsafe fn mine() {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
