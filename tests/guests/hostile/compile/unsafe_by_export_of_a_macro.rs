//! Puts a macro of its own in the place of the one that the exporting macro calls.
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
    macro_rules! inner {
        ($($any:tt)*) => {
            const _: u32 = *(1024 as *const u32);
        };
    }
    pub(crate) use inner as __export_world_harness_cabi;
}

mmh_sdk::__export_harness_impl!(Guest with_types_in crate::through);
