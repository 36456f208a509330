//! Opens a connection.
//! expect: bad-import | wasi:sockets/

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &str, _model: &Model) -> Result<Prediction> {
        Ok(Prediction::new(format!("{:?}", std::net::TcpStream::connect("127.0.0.1:80")?)))
    }
}

mmh_sdk::export!(Guest);
