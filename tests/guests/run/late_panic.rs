//! Floods standard error, then panics: the message is not lost.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        for n in 0..10_000 {
            eprintln!("noise {n}");
        }
        panic!("after all that noise")
    }
}

mmh_sdk::export!(Guest);
