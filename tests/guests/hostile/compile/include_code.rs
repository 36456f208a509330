//! Takes in another file as code.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(include!("/etc/hostname")))
    }
}

mmh_sdk::export!(Guest);
