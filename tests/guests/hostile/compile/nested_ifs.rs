//! Nests if upon if.
//! expect: compiler-crash | the source nests too deeply
//! limit: rustc_wall_ms 6000
//! fill: OPEN 2000 if x > NUMBER { y ^= x * NUMBER + (y >> 3);\n
//! fill: CLOSE 2000 } else { y = y.rotate_left(7) }\n

use mmh_sdk::prelude::*;

fn nest(x: u64) -> u64 {
    let mut y = x;
    OPEN y += 1; CLOSE
    y
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(nest(_input.text.len() as u64).to_string()))
    }
}

mmh_sdk::export!(Guest);
