//! Writes code into the type that it exports.
//! expect: did-not-compile | dereference of raw pointer is unsafe

use mmh_sdk::prelude::*;

struct Guest<const N: usize>;

impl<const N: usize> Harness for Guest<N> {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(N.to_string()))
    }
}

mmh_sdk::export!(Guest<{ *([1usize].as_ptr()) }>);
