//! Nests blocks.
//! expect: compiler-crash | the source nests too deeply
//! fill: OPEN 60000 {
//! fill: CLOSE 60000 }

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(OPEN "a" CLOSE))
    }
}

mmh_sdk::export!(Guest);
