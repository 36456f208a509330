//! Where the host's timestamps and latencies come from. An input, so that a golden run is stable.
//!
//! Nothing that scores depends on it, and harnesses never see it: theirs is virtual (see `sandbox`).

use std::time::{Instant, SystemTime};

use jiff::Timestamp;

/// The host's clock.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// Always this moment: every timestamp is equal and every latency is zero.
    Fixed(Timestamp),
}

impl Clock {
    /// The time now, to the millisecond.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default()
            }
            Self::Fixed(moment) => *moment,
        }
    }

    /// Starts to measure a latency.
    pub fn start(&self) -> Stopwatch {
        Stopwatch(matches!(self, Self::System).then(Instant::now))
    }
}

/// The time now, to be compared with the times of files.
pub fn file_time() -> SystemTime {
    SystemTime::now()
}

/// Measures one latency.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// Milliseconds since the start, to the microsecond.
    pub fn elapsed_ms(&self) -> f64 {
        self.0.map_or(0.0, |start| start.elapsed().as_micros() as f64 / 1000.0)
    }
}
