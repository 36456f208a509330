//! Counts its examples in a global variable.
//! expect: ok | 1 1 1
//! examples: 3

use mmh_sdk::prelude::*;

use std::sync::atomic::{AtomicU32, Ordering};

static SEEN: AtomicU32 = AtomicU32::new(0);

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new((1 + SEEN.fetch_add(1, Ordering::Relaxed)).to_string()))
    }
}

mmh_sdk::export!(Guest);
