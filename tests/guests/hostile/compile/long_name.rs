//! Has a name of 200 KiB.
//! expect: did-not-compile | error[E0308]
//! fill: NAME 20000 ABCDEFGHIJ

use mmh_sdk::prelude::*;

const NAME: u8 = "";

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
