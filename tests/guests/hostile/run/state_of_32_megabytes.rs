//! Learns 32 MiB.
//! expect: output-limit | 
//! call: learn
//! limit: fuel 5000000000
//! limit: memory_bytes 268435456

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = String;

    fn learn(_task: &Task, _state: String, _feedback: &[Feedback], _model: &Model) -> Result<String> {
        Ok("x".repeat(32 << 20))
    }

    fn predict(_task: &Task, _state: &String, _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(_state.len().to_string()))
    }
}

mmh_sdk::export!(Guest);
