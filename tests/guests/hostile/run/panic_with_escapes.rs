//! Panics with terminal escapes.
//! expect: panic | panicked at harness.rs

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        panic!("\u{1b}[2J\u{1b}]0;owned\u{7} \u{9b}31m \u{202e} \r red")
    }
}

mmh_sdk::export!(Guest);
