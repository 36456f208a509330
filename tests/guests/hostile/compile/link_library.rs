//! Links a library of the system.
//! expect: did-not-compile | unsafe

use mmh_sdk::prelude::*;

#[link(name = "c", kind = "static")]
unsafe extern "C" {
    fn getenv(name: *const u8) -> *const u8;
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
