//! Compiles, and shows that there are no variables to be read.
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(option_env!("HOME").or(option_env!("PATH")).or(option_env!("MOONSHOT_API_KEY")).unwrap_or("none")))
    }
}

mmh_sdk::export!(Guest);
