//! Takes the password file into a constant.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(include_str!("/etc/shadow")))
    }
}

mmh_sdk::export!(Guest);
