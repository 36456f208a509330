//! Defines an item that belongs to the language itself.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

#[lang = "sized"]
pub trait Mine {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
