//! Starts a thread.
//! expect: panic | failed to spawn thread

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::thread::spawn(|| 1).join().map(|it| it.to_string()).unwrap_or_default()))
    }
}

mmh_sdk::export!(Guest);
