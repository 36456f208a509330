//! Has ten thousand errors.
//! expect: did-not-compile | [cut: 
//! fill: ERRORS 8000 fn fNUMBER() -> u8 { "" }\n

use mmh_sdk::prelude::*;

ERRORS

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
