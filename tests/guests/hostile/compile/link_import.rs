//! Declares an import of sockets by hand.
//! expect: did-not-compile | unsafe

use mmh_sdk::prelude::*;

#[link(wasm_import_module = "wasi:sockets/tcp@0.2.3")]
unsafe extern "C" {
    fn start();
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
