//! Is one expression of 240 KiB.
//! expect: compiler-crash | the source nests too deeply
//! fill: SUM 60000 1 +

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new((SUM 0u64).to_string()))
    }
}

mmh_sdk::export!(Guest);
