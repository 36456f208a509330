//! Panics while it learns.
//! expect: panic | cannot learn
//! call: learn

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn learn(_task: &Task, _state: (), _feedback: &[Feedback], _model: &Model) -> Result<()> {
        panic!("cannot learn")
    }

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
