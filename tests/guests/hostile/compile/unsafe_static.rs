//! Changes a global variable.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

static mut COUNT: u32 = 0;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            unsafe { COUNT += 1 };
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
