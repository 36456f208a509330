//! Sends requests that make no sense, and says what came of them.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let mut empty = Request::new("x");
        empty.messages.clear();
        let requests = [
            empty,
            Request::new("x").assistant("y"),
            Request::new("x").max_tokens(0),
            Request::new("x").temperature(9.0),
            Request::new("x").stop(""),
        ];
        let errors = model.complete_all(&requests).into_iter().map(|reply| match reply {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        });
        Ok(Answer::new(errors.collect::<Vec<_>>().join("; ")))
    }
}

mmh_sdk::export!(Guest);
