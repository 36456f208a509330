//! Puts terminal escapes into a message of its own.
//! expect: did-not-compile | red

use mmh_sdk::prelude::*;

compile_error!("\u{1b}]0;title\u{7}\u{1b}[31mred \u{9b}31m \u{202e}\r\u{8}");

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
