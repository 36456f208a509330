//! Makes the compiler print the paths that it knows.
//! expect: did-not-compile | 

use mmh_sdk::prelude::*;

compile_error!(concat!(file!(), " ", module_path!(), " ", stringify!(/proc/self)));

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
