//! Reads home folder and user, where they are set.
//! expect: ok | None None None

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?} {:?} {:?}", option_env!("HOME"), option_env!("USER"), option_env!("PATH"))))
    }
}

mmh_sdk::export!(Guest);
