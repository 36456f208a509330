//! Declares that it does not use the standard library.
//! expect: did-not-compile | error

#![no_std]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::string::String::new()))
    }
}

mmh_sdk::export!(Guest);
