//! Compiles, but opens a connection.
use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", std::net::TcpStream::connect("127.0.0.1:1"))))
    }
}

mmh_sdk::export!(Guest);
