//! Says what it sees of arguments, environment and input.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        let arguments: Vec<String> = std::env::args().collect();
        let variables: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
        let mut piped = String::new();
        std::io::Read::read_to_string(&mut std::io::stdin(), &mut piped)?;
        Ok(Answer::new(format!("{arguments:?} {variables:?} {piped:?}")))
    }
}

mmh_sdk::export!(Guest);
