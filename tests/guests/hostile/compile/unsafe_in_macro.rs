//! Hides unsafe code in a macro.
//! expect: did-not-compile | usage of an `unsafe` block

use mmh_sdk::prelude::*;

macro_rules! peek {
    ($text:expr) => {
        unsafe { std::str::from_utf8_unchecked($text.as_bytes()) }
    };
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(peek!("a")))
    }
}

mmh_sdk::export!(Guest);
