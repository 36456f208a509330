//! The search over harnesses: tasks, evaluation, proposing, the loop, and the checks of a run.
//!
//! It asks models through `mmh-models`, compiles and runs through `mmh-engine`, and records through
//! `mmh-record`. It prints nothing and reads no environment.

pub mod baselines;
mod claims;
pub mod dataset;
pub mod evaluate;
pub mod inspect;
pub mod leaks;
pub mod metric;
mod noted;
pub mod progress;
pub mod propose;
pub mod score;
pub mod search;
pub mod session;
pub mod times;
pub mod verify;
