//! Puts terminal escapes and direction marks into what the compiler repeats.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("\u{1b}[2J".no_such_method("]0;owned [31m ‮")))
    }
}

mmh_sdk::export!(Guest);
