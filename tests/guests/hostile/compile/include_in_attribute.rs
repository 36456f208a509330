//! Takes a file in through a documentation attribute.
//! expect: did-not-compile | Permission denied

use mmh_sdk::prelude::*;

#[doc = include_str!("/etc/passwd")]
pub struct Documented;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
