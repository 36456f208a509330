//! Answers what the model says.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &str, model: &Model) -> Result<Prediction> {
        let reply = model.ask(format!("{} {input}", task.instructions))?;
        Ok(Prediction::new(reply))
    }
}

mmh_sdk::export!(Guest);
