//! Wants three gigabytes in a constant.
//! expect: compiler-memory | more than its limit of 1 GiB
//! limit: rustc_memory_bytes 1073741824

use mmh_sdk::prelude::*;

const LARGE: &[u8] = &[1; 3_000_000_000];

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(LARGE.len().to_string()))
    }
}

mmh_sdk::export!(Guest);
