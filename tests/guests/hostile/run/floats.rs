//! Tells machines apart by the bits of a NaN.
//! expect: ok | 7ff8000000000000

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new(format!("{:x}", (std::hint::black_box(0.0f64) / std::hint::black_box(0.0)).to_bits() & 0x7fff_ffff_ffff_ffff)))
    }
}

mmh_sdk::export!(Guest);
