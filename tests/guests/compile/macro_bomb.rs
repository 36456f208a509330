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

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(bomb!(x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x).to_string()))
    }
}

mmh_sdk::export!(Guest);
