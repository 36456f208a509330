//! Takes the compiler's command line in.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(include_str!("/proc/self/cmdline")))
    }
}

mmh_sdk::export!(Guest);
