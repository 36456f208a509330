//! Looks at its fuel: it only falls, and what a loop costs can be measured.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let begin = model.fuel_left();
        let mut sum = 0u64;
        for n in 0..1_000_000u64 {
            sum = std::hint::black_box(sum.wrapping_add(n));
        }
        let after_loop = model.fuel_left();
        model.ask("one")?;
        let end = model.fuel_left();
        let falls = begin > after_loop && after_loop > end;
        let of_loop = begin - after_loop;
        let is_plausible = (1_000_000..100_000_000).contains(&of_loop);
        let is_below = begin < 1_000_000_000;
        Ok(Answer::new(format!(
            "falls: {falls}, a loop of a million: {is_plausible}, below the limit: {is_below}; {begin} {after_loop} {end}"
        )))
    }
}

mmh_sdk::export!(Guest);
