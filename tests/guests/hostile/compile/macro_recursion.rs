//! Expands a macro without end.
//! expect: did-not-compile | recursion limit reached

use mmh_sdk::prelude::*;

macro_rules! more {
    ($($it:tt)*) => { more!($($it)* x) };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(more!()))
    }
}

mmh_sdk::export!(Guest);
