//! Recurses in a constant.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

const fn deep(n: u64) -> u64 {
    1 + deep(n + 1)
}

const DEEP: u64 = deep(0);

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(DEEP.to_string()))
    }
}

mmh_sdk::export!(Guest);
