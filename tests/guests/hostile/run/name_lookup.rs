//! Looks a name up, which would tell its input to the name server.
//! expect: bad-import | wasi:sockets/

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:?}", std::net::ToSocketAddrs::to_socket_addrs(&(_input.text.as_str(), 80))?.next())))
    }
}

mmh_sdk::export!(Guest);
