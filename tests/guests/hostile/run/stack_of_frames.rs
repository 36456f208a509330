//! Recurses with large frames.
//! expect: stack-overflow | deeper than 1 MiB

use mmh_sdk::prelude::*;

fn depth(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 512]);
    if n == u64::MAX { frame[0] } else { depth(n + 1) + frame[1] }
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(depth(_input.text.len() as u64).to_string()))
    }
}

mmh_sdk::export!(Guest);
