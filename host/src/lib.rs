//! The host of `mmh`: a search over harness code around a fixed language model.
//!
//! One module per stage, in the order in which data flows through them; see `ARCHITECTURE.md`. Only
//! [`cli`] parses arguments, prints, and reads the environment.

// Only `cli::output` prints: it knows what to do about a reader that goes away.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod audit;
pub mod build;
pub mod cache;
pub mod call;
pub mod cancel;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod compile;
pub mod dataset;
pub mod digest;
pub mod evaluate;
pub mod jail;
pub mod limits;
pub mod lineage;
pub mod lint;
pub mod model;
pub mod plot;
pub mod pricing;
pub mod progress;
pub mod propose;
pub mod record;
pub mod report;
pub mod sandbox;
pub mod score;
pub mod search;
pub mod text;
pub mod toolchain;
pub mod verify;
pub mod view;
