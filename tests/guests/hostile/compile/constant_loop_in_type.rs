//! Loops in an array's length.
//! expect: compiler-timeout | stopped at its limit of 3 s
//! limit: rustc_wall_ms 3000

#![allow(long_running_const_eval)]

use mmh_sdk::prelude::*;

static WAIT: [u8; {
    let mut n = 0u64;
    while n < u64::MAX {
        n += 1;
    }
    1
}] = [0];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(WAIT[0].to_string()))
    }
}

mmh_sdk::export!(Guest);
