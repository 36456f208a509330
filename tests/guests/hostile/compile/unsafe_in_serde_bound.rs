//! Writes unsafe code into an attribute of a derive macro.
//! expect: did-not-compile | unsupported expression

use mmh_sdk::prelude::*;

#[derive(Serialize, Deserialize, Default)]
#[serde(bound(deserialize = "[(); { unsafe { std::mem::zeroed::<usize>() } }]: Sized"))]
struct State {
    text: String,
}

struct Guest;

impl Harness for Guest {
    type State = State;

    fn predict(_task: &Task, _state: &State, _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
