//! Asks for the compiler's own crates.
//! expect: did-not-compile | error[E0554]

#![feature(rustc_private)]

use mmh_sdk::prelude::*;

extern crate rustc_driver;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
