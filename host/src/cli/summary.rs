//! `mmh summary`: what a run found, finished or not.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{CliResult, scoreboard};
use crate::record::reader::RunReader;

#[derive(Args)]
pub struct SummaryArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn main(args: SummaryArgs) -> CliResult {
    let summary = RunReader::open(&args.run)?.summary()?;
    if args.json {
        scoreboard::print_json(&summary)?;
    } else {
        scoreboard::print(&summary);
    }
    Ok(ExitCode::SUCCESS)
}
