//! Writes terminal escapes to log, output and error.
//! expect: ok | a

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            info!("\u{1b}[2J\u{7}");
            println!("\u{1b}]0;owned\u{7}");
            eprintln!("\u{202e}");
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
