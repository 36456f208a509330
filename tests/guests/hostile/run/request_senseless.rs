//! Asks with a temperature that is not a number, and a thousand stop texts.
//! expect: harness-error | it has more than 4 stop texts

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let mut request = Request::new("x").temperature(f32::NAN);
            for _ in 0..1000 {
                request = request.stop("x");
            }
            model.complete(&request)?.text
        }))
    }
}

mmh_sdk::export!(Guest);
