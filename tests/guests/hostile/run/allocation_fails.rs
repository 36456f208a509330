//! Wants a gigabyte at once.
//! expect: memory-limit | the limit is 64 MiB

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(std::hint::black_box(vec![1u8; 1 << 30]).len().to_string()))
    }
}

mmh_sdk::export!(Guest);
