//! Compiles, but touches the file system.
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(std::fs::read_to_string("/etc/passwd")?))
    }
}

mmh_sdk::export!(Guest);
