//! Tells one run from another by the clock.
//! expect: ok | 946684800 946684800
//! examples: 2

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs().to_string()))
    }
}

mmh_sdk::export!(Guest);
