//! Asks a hundred thousand questions at once.
//! expect: call-limit | the limit of 16 model calls

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            let requests: Vec<Request> = (0..20_000).map(|_| Request::new("x")).collect();
            let replies = model.complete_all(&requests);
            replies.into_iter().last().map(|it| it.map(|it| it.text)).unwrap_or_else(|| Ok(String::new()))?
        }))
    }
}

mmh_sdk::export!(Guest);
