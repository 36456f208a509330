//! Keeps what it saw in a file.
//! expect: bad-import | wasi:filesystem/

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            std::fs::write("seen", "1")?;
            std::fs::read_to_string("seen")?
        }))
    }
}

mmh_sdk::export!(Guest);
