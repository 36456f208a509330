//! Exports a name that is not a harness, with the macro that the exporting macro uses.
//! expect: did-not-compile | the trait bound `Guest: mmh_sdk::bindings::Guest` is not satisfied

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::__export_harness_impl!(Guest);
