//! Asks for a feature behind a condition.
//! expect: did-not-compile | error[E0554]

#![cfg_attr(not(none), feature(asm_experimental_arch))]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
