//! Nests closures.
//! expect: compiler-crash | 
//! fill: OPEN 3000 (|| 1 + 
//! fill: CLOSE 3000 )()

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new((OPEN 1u64 CLOSE).to_string()))
    }
}

mmh_sdk::export!(Guest);
