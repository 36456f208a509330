//! Answers with the fields of its input.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), input: &Input, _model: &Model) -> Result<Answer> {
        let (place, year) = (input.field("place"), input.field("year"));
        Ok(Answer::new(format!("{input}; {}; {place:?} {year:?}", input.field_list())))
    }
}

mmh_sdk::export!(Guest);
