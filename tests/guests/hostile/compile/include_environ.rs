//! Takes the compiler's environment in as bytes.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", include_bytes!("/proc/self/environ"))))
    }
}

mmh_sdk::export!(Guest);
