//! Takes in a folder.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(include_str!("/")))
    }
}

mmh_sdk::export!(Guest);
