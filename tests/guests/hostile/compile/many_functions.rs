//! Has six thousand functions.
//! expect: ok | a
//! fill: FUNCTIONS 6000 pub fn fNUMBER(x: u64) -> u64 { x }\n

use mmh_sdk::prelude::*;

FUNCTIONS

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            _task.name.len();
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
