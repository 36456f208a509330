//! `cargo xtask fleet-simulation`: how many calls a second a coordinator hands out, by the number of workers and what a call
//! takes. A virtual clock goes from event to event, so that 64 workers need no machine.
//!
//! A call passes the coordinator twice, to be sent and to be taken, and once more for each model call; it passes the NATS server
//! with each of these messages; and it runs on one processor of a worker. Each of the three is a queue with its own time for a call. What is
//! measured goes in as parameters; `cargo bench -p mmh --bench fleet` measures it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    process::ExitCode,
};

/// What a call takes at each place, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    /// The coordinator, to send a call and to take its result.
    coordinator: u64,
    /// The coordinator, for a model call that is answered at once.
    model_call: u64,
    /// The server, for each message.
    server: u64,
    /// Between two of them.
    way: u64,
}

/// By the bench, of a build without optimisation on two shared cores of a virtual machine. A release build takes less.
const MEASURED: Times = Times { coordinator: 190, model_call: 125, server: 50, way: 50 };

/// Calls that are simulated for each figure.
const CALLS: u64 = 20_000;

/// Calls under way for each worker.
const AT_ONCE: u64 = 4;

/// Where a call is next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Send,
    QueueIn,
    Run,
    ModelIn,
    Model,
    ModelOut,
    Finish,
    QueueOut,
    Take,
}

/// Some servers of equal calls, and who waits for them.
struct Queue {
    free: u64,
    waiting: VecDeque<Stage>,
    busy_us: u64,
}

impl Queue {
    fn new(servers: u64) -> Self {
        Self { free: servers, waiting: VecDeque::new(), busy_us: 0 }
    }
}

/// What came of a simulation.
#[derive(Debug, PartialEq)]
struct Outcome {
    calls_per_s: f64,
    /// The part of the time in which the coordinator has work.
    coordinator: f64,
    /// The same of the workers.
    workers: f64,
}

/// The places that calls pass.
struct Simulation {
    times: Times,
    fuel_us: u64,
    now: u64,
    /// Coordinator, server, workers.
    queues: [Queue; 3],
    events: BinaryHeap<Reverse<(u64, u64, Stage, bool)>>,
    number: u64,
}

impl Simulation {
    /// The place of a stage, and how long it takes there.
    fn place(&self, stage: Stage) -> (usize, u64) {
        let Times { coordinator, model_call, server, .. } = self.times;
        match stage {
            Stage::Send | Stage::Take => (0, coordinator / 2),
            Stage::Model => (0, model_call),
            // Published and stored; delivered and acknowledged.
            Stage::QueueIn | Stage::QueueOut => (1, 2 * server),
            Stage::ModelIn | Stage::ModelOut => (1, server),
            Stage::Run | Stage::Finish => (2, self.fuel_us / 2),
        }
    }

    fn event(&mut self, at: u64, stage: Stage, is_over: bool) {
        self.number += 1;
        self.events.push(Reverse((at, self.number, stage, is_over)));
    }

    /// A call comes to a place: it begins there, or waits.
    fn arrive(&mut self, stage: Stage) {
        let (at, _) = self.place(stage);
        if self.queues[at].free > 0 {
            self.queues[at].free -= 1;
            self.begin(stage);
        } else {
            self.queues[at].waiting.push_back(stage);
        }
    }

    fn begin(&mut self, stage: Stage) {
        let (at, takes) = self.place(stage);
        self.queues[at].busy_us += takes;
        self.event(self.now + takes, stage, true);
    }

    /// A call leaves a place. Whether it is over.
    fn leave(&mut self, stage: Stage) -> bool {
        let (at, _) = self.place(stage);
        match self.queues[at].waiting.pop_front() {
            Some(next) => self.begin(next),
            None => self.queues[at].free += 1,
        }
        let next = match stage {
            Stage::Send => Stage::QueueIn,
            Stage::QueueIn => Stage::Run,
            Stage::Run => Stage::ModelIn,
            Stage::ModelIn => Stage::Model,
            Stage::Model => Stage::ModelOut,
            Stage::ModelOut => Stage::Finish,
            Stage::Finish => Stage::QueueOut,
            Stage::QueueOut => Stage::Take,
            Stage::Take => return true,
        };
        self.event(self.now + self.times.way, next, false);
        false
    }
}

/// Simulates calls of so much processor time on so many workers of one processor.
fn simulate(times: Times, workers: u64, fuel_us: u64) -> Outcome {
    let queues = [Queue::new(1), Queue::new(1), Queue::new(workers)];
    let (events, number) = (BinaryHeap::new(), 0);
    let mut simulation = Simulation { times, fuel_us, now: 0, queues, events, number };
    let mut begun = (workers * AT_ONCE).min(CALLS);
    for at in 0..begun {
        simulation.event(at, Stage::Send, false);
    }
    let mut done = 0;
    while let Some(Reverse((at, _, stage, is_over))) = simulation.events.pop() {
        simulation.now = at;
        if !is_over {
            simulation.arrive(stage);
        } else if simulation.leave(stage) {
            done += 1;
            if begun < CALLS {
                begun += 1;
                simulation.event(at, Stage::Send, false);
            }
        }
    }
    let took = simulation.now as f64;
    let part = |queue: &Queue, of: u64| queue.busy_us as f64 / took / of as f64;
    Outcome {
        calls_per_s: f64::from(done) / took * 1e6,
        coordinator: part(&simulation.queues[0], 1),
        workers: part(&simulation.queues[2], workers),
    }
}

/// Options over what was measured.
fn options(words: &[&str]) -> Result<Times, String> {
    let mut times = MEASURED;
    for pair in words.chunks(2) {
        let [option, value] = pair else { return Err(format!("{} wants a number", pair[0])) };
        let value = value.parse().map_err(|_| format!("{option} {value}: no number of microseconds"))?;
        match *option {
            "--coordinator-us" => times.coordinator = value,
            "--model-call-us" => times.model_call = value,
            "--server-us" => times.server = value,
            "--way-us" => times.way = value,
            _ => return Err(format!("{option} is no option")),
        }
    }
    Ok(times)
}

/// Prints the table.
pub fn main(words: &[&str]) -> ExitCode {
    let times = match options(words) {
        Ok(times) => times,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    let all = times.coordinator + times.model_call;
    println!("{times:?}, one model call for each call");
    let per_s = |us: u64| 1e6 / us.max(1) as f64;
    println!("on paper: the coordinator is saturated at {:.0} calls/s", per_s(all));
    println!("on paper: the server, with six messages of a call, at {:.0} calls/s", per_s(6 * times.server));
    println!(
        "\n| processor time of a call | workers | calls/s | coordinator busy | workers busy |\n|---|---|---|---|---|"
    );
    for fuel_us in [1_000, 10_000, 100_000, 500_000] {
        for workers in [1, 2, 4, 8, 16, 32, 64] {
            let Outcome { calls_per_s, coordinator, workers: busy } = simulate(times, workers, fuel_us);
            let (coordinator, busy) = (100.0 * coordinator, 100.0 * busy);
            println!(
                "| {} ms | {workers} | {calls_per_s:.1} | {coordinator:.0} % | {busy:.0} % |",
                fuel_us / 1000
            );
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_place_decides() {
        let times = Times { coordinator: 400, model_call: 100, server: 1, way: 10 };
        // workers, processor time of a call, calls each second at least and at most
        let table = [
            ("one worker", 1, 100_000, 9.9, 10.0),
            ("eight are eight times as fast", 8, 100_000, 79.0, 80.0),
            ("the coordinator is saturated", 64, 1_000, 1_980.0, 2_000.0),
        ];
        for (name, workers, fuel_us, least, most) in table {
            let found = simulate(times, workers, fuel_us);
            assert!((least..=most).contains(&found.calls_per_s), "{name}: {found:?}");
        }
    }

    #[test]
    fn options_are_read_or_refused() {
        assert_eq!(options(&["--server-us", "7"]).map(|it| it.server), Ok(7));
        for wrong in [&["--server-us"][..], &["--server-us", "x"], &["--other", "1"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }
}
