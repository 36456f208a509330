//! Climbs out of its folder with a module path.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

#[path = "../../../../../../../../../etc/passwd"]
mod users;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
