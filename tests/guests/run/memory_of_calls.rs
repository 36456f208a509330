//! Would remember earlier calls, if anything survived them.

use mmh_sdk::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(CALLS.fetch_add(1, Ordering::Relaxed).to_string()))
    }
}

mmh_sdk::export!(Guest);
