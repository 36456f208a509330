//! Keeps what it learns of its own attempts, and how many model calls a batch has.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = Vec<String>;

    fn learn(_task: &Task, mut state: Vec<String>, feedback: &[Feedback], model: &Model) -> Result<Vec<String>> {
        for it in feedback {
            let attempt = it.attempt.as_ref().map(|it| format!("{} {} {}", it.answer, it.score, it.correct));
            state.push(format!("{} {}: {attempt:?}", it.input, it.gold));
        }
        let before = model.calls_left();
        let reply = model.ask("what is there to learn?")?;
        state.push(format!("{before} {} {reply}", model.calls_left()));
        Ok(state)
    }

    fn predict(_task: &Task, state: &Vec<String>, _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{state:?}")))
    }
}

mmh_sdk::export!(Guest);
