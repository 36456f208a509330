//! Looks at its clock twenty thousand times, in whatever it is asked to do: time that is its own.

use mmh_sdk::prelude::*;

struct Guest;

fn look_busy() {
    let begun = std::time::Instant::now();
    while begun.elapsed().as_millis() < 20 {}
}

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        look_busy();
        Ok(Answer::new("busy"))
    }

    fn learn(_task: &Task, state: (), _feedback: &[Feedback], _model: &Model) -> Result<()> {
        look_busy();
        Ok(state)
    }
}

mmh_sdk::export!(Guest);
