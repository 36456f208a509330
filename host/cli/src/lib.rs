//! `mmh` on the command line: arguments in, library calls, output. Only this crate prints and reads the environment.

#[macro_use]
mod output;

mod agent_args;
mod baselines;
pub mod commands;
mod concurrency;
mod diagnostics;
mod dot_env;
mod environment;
mod error;
mod estimate;
mod evaluations;
mod example_view;
mod files;
mod fleet_args;
mod global;
mod keys;
mod limits;
mod log;
mod machine;
mod model_args;
mod output_file;
mod own_runs;
mod progress_line;
mod project;
mod protocol_args;
mod scoreboard;
mod session;
mod targets_args;
mod telemetry;
mod terminal;
mod whose;
mod workbench;
