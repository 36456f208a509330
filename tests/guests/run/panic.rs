//! Indexes beyond the end of a list.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &Input, _model: &Model) -> Result<Answer> {
        let labels = &task.labels[..1];
        Ok(Answer::new(&labels[input.text.len()]))
    }
}

mmh_sdk::export!(Guest);
