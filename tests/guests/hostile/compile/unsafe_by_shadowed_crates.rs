//! Puts itself in the place of the core library, by whose sizes the exported functions compute addresses.
//! expect: ok | a

use mmh_sdk::prelude::*;

extern crate self as core;
extern crate self as std;

pub mod mem {
    pub fn size_of<T>() -> usize {
        1_000_000
    }
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
