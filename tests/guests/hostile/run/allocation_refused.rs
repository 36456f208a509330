//! Asks for more memory than there are addresses, and handles the refusal.
//! expect: ok | refused

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let mut hoard: Vec<u8> = Vec::new();
            if hoard.try_reserve(isize::MAX as usize).is_err() { "refused" } else { "a" }
        }))
    }
}

mmh_sdk::export!(Guest);
