//! Spreads a prompt over a thousand messages.
//! expect: prompt-limit | the limit of 262144 bytes

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let mut request = Request::new("x");
            for _ in 0..1000 {
                request = request.assistant("x".repeat(500)).user("x");
            }
            model.complete(&request)?.text
        }))
    }
}

mmh_sdk::export!(Guest);
