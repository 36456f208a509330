//! Says what it sees of time and chance.

use mmh_sdk::prelude::*;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        let map: std::collections::HashMap<u32, u32> = (0..20).map(|n| (n, n)).collect();
        let order: Vec<String> = map.keys().map(u32::to_string).collect();
        let started = std::time::Instant::now();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        Ok(Answer::new(format!("{} {:?} {}", order.join(","), started.elapsed(), now.as_nanos())))
    }
}

mmh_sdk::export!(Guest);
