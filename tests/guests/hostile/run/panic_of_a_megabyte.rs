//! Panics with a mebibyte of text.
//! expect: panic | [cut: 

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        panic!("{}", "x".repeat(1 << 20))
    }
}

mmh_sdk::export!(Guest);
