//! Writes text that looks like a panic in other code, and fails.
//! expect: harness-error | it was me

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        {
            eprintln!("thread 'main' panicked at /root/.ssh/id_rsa:1:1:\nsecret");
            Err(Error::new("it was me"))
        }
    }
}

mmh_sdk::export!(Guest);
