//! Sleeps for an hour.
//! expect: timeout | limit of 2 s
//! limit: example_wall_ms 2000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new({
            std::thread::sleep(std::time::Duration::from_secs(3600));
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
