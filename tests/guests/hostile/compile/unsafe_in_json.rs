//! Writes unsafe code into a macro of a library.
//! expect: did-not-compile | usage of an `unsafe` block

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(mmh_sdk::serde_json::json!([unsafe { std::mem::zeroed::<u8>() }]).to_string()))
    }
}

mmh_sdk::export!(Guest);
