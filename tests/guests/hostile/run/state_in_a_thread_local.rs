//! Counts its examples in a variable of its thread.
//! expect: ok | 1 1 1
//! examples: 3

use mmh_sdk::prelude::*;

use std::cell::Cell;

thread_local! {
    static SEEN: Cell<u32> = const { Cell::new(0) };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(SEEN.with(|seen| {
            seen.set(seen.get() + 1);
            seen.get().to_string()
        })))
    }
}

mmh_sdk::export!(Guest);
