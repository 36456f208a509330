//! `mmh` on the command line: arguments in, library calls, output. Only this crate prints and reads the environment.

// Only `cli::output` prints: it knows what to do about a reader that goes away.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod cli;
