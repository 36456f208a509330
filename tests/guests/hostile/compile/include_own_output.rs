//! Takes in what an earlier pass of the compiler wrote.
//! expect: did-not-compile | No such file

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", include_bytes!("out/harness.rmeta"))))
    }
}

mmh_sdk::export!(Guest);
