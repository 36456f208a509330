//! Exports a function under the harness's name.
//! expect: did-not-compile | with `export_name`

use mmh_sdk::prelude::*;

#[unsafe(export_name = "predict")]
pub extern "C" fn mine() {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
