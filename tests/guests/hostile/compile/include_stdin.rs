//! Waits for the standard input of the compiler.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(include_str!("/dev/stdin")))
    }
}

mmh_sdk::export!(Guest);
