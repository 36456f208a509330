//! Declares an import without the word unsafe.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

#[link(name = "../../../etc/passwd")]
extern "C" {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
