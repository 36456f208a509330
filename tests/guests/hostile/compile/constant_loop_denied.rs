//! Loops in a constant, and leaves the lint on.
//! expect: did-not-compile | constant evaluation is taking a long time

use mmh_sdk::prelude::*;

const WAIT: u64 = {
    let mut n = 0u64;
    loop {
        n = n.wrapping_add(1);
    }
};

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(WAIT.to_string()))
    }
}

mmh_sdk::export!(Guest);
