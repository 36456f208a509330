//! Reads arguments and environment.
//! expect: ok | 0 0

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{} {}", std::env::args().count(), std::env::vars().count())))
    }
}

mmh_sdk::export!(Guest);
