//! Raises the recursion limit as far as it goes.
//! expect: compiler-timeout | stopped at its limit of 2 s
//! limit: rustc_wall_ms 2000
//! limit: rustc_memory_bytes 8589934592

#![recursion_limit = "9223372036854775808"]

use mmh_sdk::prelude::*;

macro_rules! more {
    () => { 1 + more!() };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(more!().to_string()))
    }
}

mmh_sdk::export!(Guest);
