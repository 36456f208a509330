//! Declares a gigabyte of zeros, which is small in the file.
//! expect: memory-limit | the limit is 64 MiB

use mmh_sdk::prelude::*;

static ZEROS: [u8; 1 << 30] = [0; 1 << 30];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(ZEROS[_input.len()].to_string()))
    }
}

mmh_sdk::export!(Guest);
