//! Ends its process.
//! expect: exit | ended its process as failed

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        std::process::exit(77)
    }
}

mmh_sdk::export!(Guest);
