//! Links the compiler's own crates without a feature for it.
//! expect: did-not-compile | error

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
