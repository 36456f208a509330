//! Panics while it panics.
//! expect: trap | unreachable

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        {
            struct Again;
            impl std::fmt::Display for Again {
                fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    panic!("again")
                }
            }
            panic!("{Again}")
        }
    }
}

mmh_sdk::export!(Guest);
