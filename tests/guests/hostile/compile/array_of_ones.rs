//! Declares more data than a component may have.
//! expect: component-too-large | more than the limit of 32 MiB

use mmh_sdk::prelude::*;

static ONES: [u8; 40 << 20] = [1; 40 << 20];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(ONES[_input.text.len() << 10].to_string()))
    }
}

mmh_sdk::export!(Guest);
