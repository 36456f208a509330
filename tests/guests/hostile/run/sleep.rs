//! Sleeps for an hour, which ends at once.
//! expect: ok | 3600

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let begun = std::time::Instant::now();
            std::thread::sleep(std::time::Duration::from_secs(3600));
            begun.elapsed().as_secs().to_string()
        }))
    }
}

mmh_sdk::export!(Guest);
