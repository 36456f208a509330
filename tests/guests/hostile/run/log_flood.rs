//! Writes a million lines to log, output and error.
//! expect: timeout | limit of 3 s
//! limit: example_wall_ms 3000
//! limit: fuel 100000000000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            for at in 0..10_000_000 {
                info!("line {at}");
                println!("line {at}");
                eprintln!("line {at}");
            }
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
