//! Doubles a text until there is no memory.
//! expect: memory-limit | the limit is 64 MiB

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        {
            let mut text = String::from("0123456789");
            loop {
                text = format!("{text}{text}");
            }
        }
    }
}

mmh_sdk::export!(Guest);
