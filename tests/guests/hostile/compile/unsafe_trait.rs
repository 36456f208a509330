//! Implements an unsafe trait.
//! expect: did-not-compile | unsafe

use mmh_sdk::prelude::*;

struct Mine(*const u8);

unsafe impl Sync for Mine {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
