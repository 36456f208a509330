//! Wants a gigabyte in a constant, which is all that the compiler may have.
//! expect: did-not-compile | more memory than available to compiler
//! limit: rustc_memory_bytes 1073741824

use mmh_sdk::prelude::*;

const LARGE: &[u64] = &[1; 1 << 27];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(LARGE.len().to_string()))
    }
}

mmh_sdk::export!(Guest);
