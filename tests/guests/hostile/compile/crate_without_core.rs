//! Declares that it does not use the core library.
//! expect: did-not-compile | error[E0658]

#![no_core]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
