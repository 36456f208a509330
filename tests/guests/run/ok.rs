//! Answers what the model says.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        let reply = model.ask(format!("{} {input}", task.instructions))?;
        Ok(Answer::new(reply))
    }
}

mmh_sdk::export!(Guest);
