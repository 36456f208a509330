//! Does nothing wrong, and would show it if anything of another harness reached it: chance, time, memory,
//! logs, output and the model all enter its prediction.

use std::{collections::HashMap, sync::atomic::{AtomicU32, Ordering}};

use mmh_sdk::prelude::*;

static CALLS: AtomicU32 = AtomicU32::new(0);

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(task: &Task, _state: &(), input: &Input, model: &Model) -> Result<Answer> {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed);
        let order: HashMap<char, usize> = input.text.chars().enumerate().map(|(at, it)| (it, at)).collect();
        let order: String = order.into_keys().collect();
        let memory = std::hint::black_box(vec![1u8; 4 << 20]).iter().map(|&it| u64::from(it)).sum::<u64>();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        info!("order {order}, memory {memory}");
        println!("{:?}", now);
        eprintln!("{calls}");
        let reply = model.ask(format!("{} {input}", task.instructions))?;
        Ok(Answer::new(format!("{reply} {calls} {order}")))
    }
}

mmh_sdk::export!(Guest);
