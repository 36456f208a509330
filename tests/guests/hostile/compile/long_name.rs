//! Has a name of 200 KiB.
//! expect: did-not-compile | error[E0308]
//! fill: NAME 20000 ABCDEFGHIJ

use mmh_sdk::prelude::*;

const NAME: u8 = "";

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
