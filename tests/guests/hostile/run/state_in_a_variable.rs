//! Keeps what it saw in an environment variable.
//! expect: panic | panicked

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::env::home_dir().map(|it| it.display().to_string()).expect("a home folder")))
    }
}

mmh_sdk::export!(Guest);
