//! Puts terminal escapes into a diagnostic.
use mmh_sdk::prelude::*;

compile_error!("\u{1b}[31mred\u{1b}[0m \u{202e}backwards");

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("x"))
    }
}

mmh_sdk::export!(Guest);
