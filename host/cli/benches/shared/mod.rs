//! What the benches have in common: figures at three sizes with the exponent of their growth, and the memory of a process.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "benches stop at what cannot be measured, and print the rest"
)]

pub mod waits;
pub mod workshop;

use std::{
    process::Child,
    time::{Duration, Instant},
};

/// The largest exponent of what takes its share of time for each row.
pub const LINEAR: f64 = 1.1;

/// A figure at three sizes: one line of the table.
pub struct Figure {
    pub what: &'static str,
    pub unit: &'static str,
    pub sizes: [usize; 3],
    pub measured: [f64; 3],
    /// The most that the figure may be, at any size.
    pub most: f64,
    /// The largest exponent that its growth may have.
    pub exponent: f64,
}

impl Figure {
    /// The exponent of the growth: the slope of the figure against the size, both by their logarithms. 1 is linear, 0 does not
    /// grow.
    fn slope(&self) -> f64 {
        let ratio = |last: f64, first: f64| (last / first).ln();
        ratio(self.measured[2], self.measured[0]) / ratio(self.sizes[2] as f64, self.sizes[0] as f64)
    }

    fn holds(&self) -> bool {
        // Of microseconds, the noise is larger than the growth.
        let is_small = self.unit == "ms" && self.measured[2] < 0.5;
        (self.slope() <= self.exponent || is_small) && self.measured.iter().all(|it| *it <= self.most)
    }
}

/// Prints a table of figures, each beside its limits.
pub fn print(figures: &[Figure]) {
    println!(
        "{:<44} {:>27} {:>36} {:>9} {:>9} {:>7}",
        "", "sizes", "measured", "at most", "exponent", "limit"
    );
    for figure in figures {
        let sizes = figure.sizes.map(|size| size.to_string()).join(" / ");
        let measured = figure.measured.map(|it| format!("{it:.3}")).join(" / ") + " " + figure.unit;
        let most = if figure.most.is_finite() { format!("{:.0}", figure.most) } else { "-".to_owned() };
        let verdict = if figure.holds() { "" } else { "  EXCEEDED" };
        let (what, slope, limit) = (figure.what, figure.slope(), figure.exponent);
        println!("{what:<44} {sizes:>27} {measured:>36} {most:>9} {slope:>9.2} {limit:>7.2}{verdict}");
    }
}

/// The most memory that a process has had resident, in bytes; 0 once it is gone. `process` is its id, or `self`.
pub fn peak_bytes(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Waits for the end of a process that succeeds, and says how long it took since this moment and the most memory that it had.
pub fn watched(mut child: Child, begun: Instant) -> (Duration, u64) {
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_bytes(&child.id().to_string()));
        match child.try_wait().expect("it runs") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(status.success(), "the process succeeds");
    (begun.elapsed(), peak)
}
