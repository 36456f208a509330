//! Asks for an unstable feature.
#![feature(asm_experimental_arch)]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("x"))
    }
}

mmh_sdk::export!(Guest);
