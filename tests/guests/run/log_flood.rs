//! Logs and prints without measure, and still answers.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        for n in 0..12_000 {
            info!("line {n}");
            println!("out {n}");
            eprintln!("err {n}");
        }
        Ok(Answer::new("done"))
    }
}

mmh_sdk::export!(Guest);
