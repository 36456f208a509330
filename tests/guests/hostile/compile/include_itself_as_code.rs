//! Takes itself in as code, without end.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

mod again {
    include!("harness.rs");
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(1))
    }
}

mmh_sdk::export!(Guest);
