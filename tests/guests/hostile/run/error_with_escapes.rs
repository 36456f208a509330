//! Fails with terminal escapes.
//! expect: harness-error | red

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Err(Error::new("\u{1b}[2J\u{1b}]0;owned\u{7} \u{9b}31m red \r"))
    }
}

mmh_sdk::export!(Guest);
