//! Writes assembler into a function.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            unsafe { core::arch::asm!("unreachable") };
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
