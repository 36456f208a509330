//! Writes assembler into a function.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new({
            unsafe { core::arch::asm!("unreachable") };
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
