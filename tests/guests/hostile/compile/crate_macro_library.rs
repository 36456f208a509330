//! Uses the library of procedural macros outside of a procedural macro.
//! expect: panic | panicked

use mmh_sdk::prelude::*;

extern crate proc_macro;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("1".parse::<proc_macro::TokenStream>().map(|it| it.to_string())?))
    }
}

mmh_sdk::export!(Guest);
