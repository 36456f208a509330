//! Counts how many model calls are left, before and after calls of every kind.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, model: &Model) -> Result<Answer> {
        let mut left = vec![model.calls_left()];
        model.ask("one")?;
        left.push(model.calls_left());
        model.complete_all(&["two", "three"].map(Request::new));
        left.push(model.calls_left());
        // A request that makes no sense, and one that the model refuses, are calls too.
        let _ = (model.complete(&Request::new("four").max_tokens(0)), model.ask("refused"));
        left.push(model.calls_left());
        while model.calls_left() > 0 {
            model.ask("more")?;
        }
        left.push(model.calls_left());
        let last = model.ask("too many").map_err(|error| error.to_string());
        left.push(model.calls_left());
        Ok(Answer::new(format!("{left:?} {last:?}")))
    }
}

mmh_sdk::export!(Guest);
