//! Asks a model that does not answer while an example may take.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new(model.ask("never")?))
    }
}

mmh_sdk::export!(Guest);
