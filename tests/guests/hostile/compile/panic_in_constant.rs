//! Panics while it is compiled, with a long text.
//! expect: did-not-compile | 
//! fill: TEXT 20000 0123456789

use mmh_sdk::prelude::*;

const _: () = panic!("TEXT");

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
