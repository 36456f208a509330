//! Doubles a text thirty times with concat.
//! expect: compiler-timeout | stopped at its limit of 2 s
//! limit: rustc_wall_ms 2000
//! limit: rustc_memory_bytes 8589934592

use mmh_sdk::prelude::*;

macro_rules! twice {
    ($text:expr;) => { $text };
    ($text:expr; $head:tt $($rest:tt)*) => { twice!(concat!($text, $text); $($rest)*) };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(twice!("0123456789abcdef"; x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x)))
    }
}

mmh_sdk::export!(Guest);
