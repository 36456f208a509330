//! Indexes beyond the end of a list.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &str, _model: &Model) -> Result<Prediction> {
        let labels = &task.labels[..1];
        Ok(Prediction::new(&labels[input.len()]))
    }
}

mmh_sdk::export!(Guest);
