//! Declares a gigabyte of zeros, which would be small in the file.
//! expect: did-not-compile | more memory than available to compiler

use mmh_sdk::prelude::*;

static ZEROS: [u8; 1 << 30] = [0; 1 << 30];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(ZEROS[_input.text.len()].to_string()))
    }
}

mmh_sdk::export!(Guest);
