//! Asks the model ten thousand times.
//! expect: call-limit | the limit of 16 model calls

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let mut last = String::new();
            for at in 0..10_000 {
                last = model.ask(format!("{at}"))?;
            }
            last
        }))
    }
}

mmh_sdk::export!(Guest);
