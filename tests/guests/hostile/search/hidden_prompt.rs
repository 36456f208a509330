//! Hides the example's text in a prompt that is about something else: backwards, and with every call.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        let backwards: String = input.text.chars().rev().collect();
        model.ask(format!("What rhymes with {backwards}?"))?;
        Ok(Answer::new(model.ask("Say anything.")?))
    }
}

mmh_sdk::export!(Guest);
