//! Asks until it may not, then gives up.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        loop {
            model.ask("again?")?;
        }
    }
}

mmh_sdk::export!(Guest);
