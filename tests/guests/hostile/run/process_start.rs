//! Starts a program.
//! expect: bad-import | wasi:filesystem/

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(String::from_utf8(std::process::Command::new("/bin/id").output()?.stdout)?))
    }
}

mmh_sdk::export!(Guest);
