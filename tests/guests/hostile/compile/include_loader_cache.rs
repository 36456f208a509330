//! Takes in the one file outside that the compiler's own loader needs.
//! expect: did-not-compile | takes in another file: /etc/ld.so.cache

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", include_bytes!("/etc/ld.so.cache"))))
    }
}

mmh_sdk::export!(Guest);
