//! Switches every lint off, and is unsafe.
//! expect: did-not-compile | 

#![allow(warnings)]

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(unsafe { std::mem::transmute::<[u8; 1], bool>([2]) }.to_string()))
    }
}

mmh_sdk::export!(Guest);
