//! Exports a function under the harness's name.
//! expect: did-not-compile | with `export_name`

use mmh_sdk::prelude::*;

#[unsafe(export_name = "predict")]
pub extern "C" fn mine() {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
