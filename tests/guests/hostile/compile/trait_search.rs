//! Has a bound that takes exponential time to decide.
//! expect: did-not-compile | error
//! limit: rustc_wall_ms 6000

use mmh_sdk::prelude::*;

trait Hard<A> {}

struct Pair<A, B>(A, B);

impl<A, B, C> Hard<C> for Pair<A, B>
where
    A: Hard<Pair<C, B>> + Hard<Pair<B, C>>,
    B: Hard<Pair<A, C>> + Hard<Pair<C, A>>,
{
}

fn need<A: Hard<B>, B>() {}

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new({
            need::<Pair<Pair<u8, u16>, Pair<u16, u8>>, u32>();
            "a"
        }))
    }
}

mmh_sdk::export!(Guest);
