//! Declares an array of more bytes than there are addresses.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

static LARGE: [u8; usize::MAX] = [0; usize::MAX];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(LARGE.len().to_string()))
    }
}

mmh_sdk::export!(Guest);
