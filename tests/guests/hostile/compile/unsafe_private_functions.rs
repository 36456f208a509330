//! Calls the SDK's exported functions itself.
//! expect: did-not-compile | is unsafe and requires unsafe

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        mmh_sdk::__private::__post_return_predict::<Mark>(1024 as *mut u8);
        Ok(Answer::new("a"))
    }
}

struct Mark;

impl mmh_sdk::__private::Exported for Mark {
    type Harness = Guest;
}

mmh_sdk::export!(Guest);
