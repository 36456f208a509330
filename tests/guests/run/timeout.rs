//! Sleeps longer than an example may take.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Ok(Prediction::new("late"))
    }
}

mmh_sdk::export!(Guest);
