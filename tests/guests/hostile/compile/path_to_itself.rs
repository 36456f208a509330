//! Is its own module.
//! expect: did-not-compile | circular modules

use mmh_sdk::prelude::*;

#[path = "harness.rs"]
mod again;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
