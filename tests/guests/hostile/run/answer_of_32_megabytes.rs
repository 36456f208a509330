//! Answers with 32 MiB.
//! expect: output-limit | 

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("x".repeat(32 << 20)))
    }
}

mmh_sdk::export!(Guest);
