//! A macro that doubles what it expands to, until memory is out.
#![recursion_limit = "1000"]

use mmh_sdk::prelude::*;

macro_rules! bomb {
    () => { "x".len() };
    ($head:tt $($rest:tt)*) => { [bomb!($($rest)*), bomb!($($rest)*)].len() };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(bomb!(x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x).to_string()))
    }
}

mmh_sdk::export!(Guest);
