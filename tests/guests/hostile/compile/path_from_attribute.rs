//! Hides a module path behind a conditional attribute.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

#[cfg_attr(all(), path = "/etc/hostname")]
mod host;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
