//! Puts a function among those that run first.
//! expect: did-not-compile | with `link_section`

use mmh_sdk::prelude::*;

#[used]
#[unsafe(link_section = ".init_array")]
static FIRST: fn() = first;

fn first() {
    std::process::exit(0)
}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
