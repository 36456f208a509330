//! Compiles, but touches the file system.
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::fs::read_to_string("/etc/passwd")?))
    }
}

mmh_sdk::export!(Guest);
