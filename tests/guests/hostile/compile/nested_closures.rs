//! Nests closures.
//! expect: compiler-crash | 
//! fill: OPEN 3000 (|| 1 + 
//! fill: CLOSE 3000 )()

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new((OPEN 1u64 CLOSE).to_string()))
    }
}

mmh_sdk::export!(Guest);
