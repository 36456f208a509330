//! Sleeps hour after hour.
//! expect: out-of-fuel | 500,000,000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
    }
}

mmh_sdk::export!(Guest);
