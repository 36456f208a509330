//! Panics, and is called again.
//! expect: panic | first time 1
//! examples: 3

use mmh_sdk::prelude::*;

use std::sync::atomic::{AtomicU32, Ordering};

static SEEN: AtomicU32 = AtomicU32::new(0);

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        panic!("first time {}", 1 + SEEN.fetch_add(1, Ordering::Relaxed))
    }
}

mmh_sdk::export!(Guest);
