//! Hands code to the macro that makes a scorer's exported functions, which are unsafe.
//! expect: did-not-compile | no rules expected

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, _model: &Model) -> Result<Grade> {
        Ok(Grade::partial(0.5))
    }
}

mod through {
    pub use mmh_sdk::__private::*;
}

mmh_sdk::__export_world_scorer_cabi!(Guest with_types_in { *(1024 as *mut u32) = 1; crate } through);
