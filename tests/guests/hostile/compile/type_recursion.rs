//! Needs another type for every call, without end.
//! expect: compiler-timeout | stopped at its limit of 3 s
//! limit: rustc_wall_ms 3000

use mmh_sdk::prelude::*;

fn more<T: Default>(depth: u64) -> usize {
    if depth == 0 { size_of::<T>() } else { more::<(T, T)>(depth - 1) }
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(more::<u8>(_input.text.len() as u64).to_string()))
    }
}

mmh_sdk::export!(Guest);
