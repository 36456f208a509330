//! Takes the process status in as a module.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

#[path = "/proc/self/status"]
mod status;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
