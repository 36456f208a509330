//! Exports an allocator in place of the SDK's.
//! expect: did-not-compile | declaration of a `no_mangle` function

use mmh_sdk::prelude::*;

#[unsafe(no_mangle)]
pub extern "C" fn cabi_realloc(_: usize, _: usize, _: usize, _: usize) -> usize {
    0
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
