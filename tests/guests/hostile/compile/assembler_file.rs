//! Lets the assembler take a file in.
//! expect: did-not-compile | error[E0658]

use mmh_sdk::prelude::*;

core::arch::global_asm!(".incbin \"/etc/passwd\"");

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
