//! Hands code to the macro that makes the exported functions, which are unsafe.
//! expect: did-not-compile | no rules expected

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mod through {
    pub use mmh_sdk::__private::*;
}

mmh_sdk::__export_world_harness_cabi!(Guest with_types_in { *(1024 as *mut u32) = 1; crate } through);
