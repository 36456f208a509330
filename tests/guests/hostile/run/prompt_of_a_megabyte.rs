//! Asks with a mebibyte of text.
//! expect: prompt-limit | the limit of 262144 bytes

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new(model.ask("x".repeat(1 << 20))?))
    }
}

mmh_sdk::export!(Guest);
