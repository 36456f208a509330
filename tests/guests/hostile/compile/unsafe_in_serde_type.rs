//! Writes unsafe code into the type through which a state is read.
//! expect: did-not-compile | failed to parse type

use mmh_sdk::prelude::*;

#[derive(Deserialize)]
struct Raw<const N: usize> {
    text: String,
}

impl<const N: usize> From<Raw<N>> for State {
    fn from(raw: Raw<N>) -> Self {
        Self { text: raw.text }
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(from = "Raw<{ unsafe { std::mem::zeroed::<usize>() } }>")]
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
