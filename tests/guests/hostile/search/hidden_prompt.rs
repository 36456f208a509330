//! Hides the example's text in a prompt that is about something else: backwards, and with every call.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &str, model: &Model) -> Result<Prediction> {
        let backwards: String = input.chars().rev().collect();
        model.ask(format!("What rhymes with {backwards}?"))?;
        Ok(Prediction::new(model.ask("Say anything.")?))
    }
}

mmh_sdk::export!(Guest);
