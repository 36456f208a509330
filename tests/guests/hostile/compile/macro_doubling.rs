//! Doubles a macro's expansion forty times.
//! expect: compiler-timeout | stopped at its limit of 2 s
//! limit: rustc_wall_ms 2000
//! limit: rustc_memory_bytes 8589934592

#![recursion_limit = "1000"]

use mmh_sdk::prelude::*;

macro_rules! twice {
    () => { 1u64 };
    ($head:tt $($rest:tt)*) => { twice!($($rest)*) + twice!($($rest)*) };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(twice!(x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x).to_string()))
    }
}

mmh_sdk::export!(Guest);
