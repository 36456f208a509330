//! Waits for an hour by looking at the clock.
//! expect: timeout | limit of 3 s
//! limit: example_wall_ms 3000
//! limit: fuel 100000000000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let begun = std::time::Instant::now();
            while begun.elapsed().as_secs() < 3600 {}
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
