//! Is its own module.
//! expect: did-not-compile | circular modules

use mmh_sdk::prelude::*;

#[path = "harness.rs"]
mod again;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
