//! Writes a function without a frame.
//! expect: did-not-compile | error

use mmh_sdk::prelude::*;

#[unsafe(naked)]
pub extern "C" fn naked() {
    core::arch::naked_asm!("unreachable")
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
