//! Asks for an unstable feature.
#![feature(asm_experimental_arch)]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("x"))
    }
}

mmh_sdk::export!(Guest);
