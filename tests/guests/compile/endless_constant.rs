//! A constant that never comes to an end.
#![allow(long_running_const_eval)]

use mmh_sdk::prelude::*;

const LOOP: u64 = {
    let mut n = 0u64;
    while n < u64::MAX {
        n += 1;
    }
    n
};

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(LOOP.to_string()))
    }
}

mmh_sdk::export!(Guest);
