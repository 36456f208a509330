//! Panics while it is compiled, with a long text.
//! expect: did-not-compile | 
//! fill: TEXT 20000 0123456789

use mmh_sdk::prelude::*;

const _: () = panic!("TEXT");

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new("a"))
    }
}

mmh_sdk::export!(Guest);
