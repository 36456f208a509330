//! Ends its own process.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        std::process::exit(3)
    }
}

mmh_sdk::export!(Guest);
