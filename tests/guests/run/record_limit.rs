//! Sends prompts that each fit, and together take more than there is in the record: each byte takes six there.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let text = "\u{1}".repeat(255 << 10);
        for _ in 0..16 {
            model.ask(text.clone())?;
        }
        Ok(Answer::new("all of it"))
    }
}

mmh_sdk::export!(Guest);
