//! Declares a function of the host by itself.
use mmh_sdk::prelude::*;

unsafe extern "C" {
    safe static GUEST: u8;
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(format!("{:?}", std::ptr::addr_of!(GUEST))))
    }
}

mmh_sdk::export!(Guest);
