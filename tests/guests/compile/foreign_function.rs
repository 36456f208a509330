//! Declares a function of the host by itself.
use mmh_sdk::prelude::*;

unsafe extern "C" {
    safe static GUEST: u8;
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", std::ptr::addr_of!(GUEST))))
    }
}

mmh_sdk::export!(Guest);
