//! Is larger than the limit for sources.
//! expect: source-too-large | more than the limit of 256 KiB
//! fill: TEXT 30000 // 123456789\n

use mmh_sdk::prelude::*;

TEXT

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
