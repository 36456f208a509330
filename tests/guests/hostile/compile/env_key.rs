//! Reads a key that the host has in its environment.
//! expect: ok | None

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", option_env!("ANTHROPIC_API_KEY"))))
    }
}

mmh_sdk::export!(Guest);
