//! Nests a type.
//! expect: compiler-crash | the source nests too deeply
//! fill: OPEN 30000 Vec<
//! fill: CLOSE 30000 >

use mmh_sdk::prelude::*;

type Deep = OPENu8CLOSE;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(size_of::<Deep>().to_string()))
    }
}

mmh_sdk::export!(Guest);
