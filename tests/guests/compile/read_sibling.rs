//! Takes another file in as a module.
use mmh_sdk::prelude::*;

#[path = "/etc/passwd"]
mod elsewhere;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(elsewhere::LABEL))
    }
}

mmh_sdk::export!(Guest);
