//! Declares more data than the compiler may write.
//! expect: component-too-large | the compiler wrote more than 128 MiB

use mmh_sdk::prelude::*;

static ONES: [u8; 200 << 20] = [1; 200 << 20];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(ONES[_input.text.len() << 10].to_string()))
    }
}

mmh_sdk::export!(Guest);
