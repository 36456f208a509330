//! Asks for a feature behind a condition.
//! expect: did-not-compile | error[E0554]

#![cfg_attr(not(none), feature(asm_experimental_arch))]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
