//! Sleeps hour after hour.
//! expect: out-of-fuel | 50,000,000
//! limit: fuel 50000000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }
    }
}

mmh_sdk::export!(Guest);
