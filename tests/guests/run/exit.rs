//! Ends its own process.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        std::process::exit(3)
    }
}

mmh_sdk::export!(Guest);
