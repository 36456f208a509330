//! Reads the search path of the host.
//! expect: did-not-compile | environment variable `PATH` not defined

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(env!("PATH")))
    }
}

mmh_sdk::export!(Guest);
