//! Never ends.

use mmh_sdk::prelude::*;

struct Guest;

impl Scorer for Guest {
    fn score(_task: &Task, _input: &Input, _gold: &str, _answer: &Answer, _model: &Model) -> Result<Grade> {
        let mut n = 0u64;
        loop {
            n = std::hint::black_box(n.wrapping_add(1));
        }
    }
}

mmh_sdk::export_scorer!(Guest);
