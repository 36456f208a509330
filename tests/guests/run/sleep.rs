//! Sleeps longer than an example may take, by its own clock: it is over at once.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        let begun = std::time::Instant::now();
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Ok(Answer::new(format!("{} s later", begun.elapsed().as_secs())))
    }
}

mmh_sdk::export!(Guest);
