//! Asks ten thousand times and ignores the refusals.
//! expect: ok | 16 9984

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let asked = (0..10_000).map(|it| model.ask(it.to_string()).is_ok());
            let good = asked.filter(|it| *it).count();
            format!("{good} {}", 10_000 - good)
        }))
    }
}

mmh_sdk::export!(Guest);
