//! Needs a trait for every larger type.
//! expect: did-not-compile | error[E0275]

use mmh_sdk::prelude::*;

trait Deep {
    fn deep(&self) -> u64;
}

impl Deep for u8 {
    fn deep(&self) -> u64 {
        0
    }
}

impl<T> Deep for Option<T>
where
    Option<Option<T>>: Deep,
{
    fn deep(&self) -> u64 {
        1
    }
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(Some(1u8).deep().to_string()))
    }
}

mmh_sdk::export!(Guest);
