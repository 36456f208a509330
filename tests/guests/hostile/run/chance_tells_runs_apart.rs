//! Tells one run from another by chance.
//! expect: ok | true true
//! examples: 2

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let order = |salt: u32| (0..64).map(|it| it ^ salt).collect::<std::collections::HashSet<u32>>().into_iter().next();
            let first = order(0);
            // The same in every run: chance depends on the seed and the example alone.
            (first.is_some() && std::time::Instant::now().elapsed().as_nanos() < 1_000_000).to_string()
        }))
    }
}

mmh_sdk::export!(Guest);
