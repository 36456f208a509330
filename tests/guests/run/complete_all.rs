//! Asks several questions at once; the replies keep their order.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let requests: Vec<Request> = (0..5).map(|n| Request::new(format!("echo {n}"))).collect();
        let replies = model.complete_all(&requests).into_iter().map(|reply| reply.map(|reply| reply.text));
        Ok(Answer::new(replies.collect::<Result<Vec<_>, _>>()?.join(",")))
    }
}

mmh_sdk::export!(Guest);
