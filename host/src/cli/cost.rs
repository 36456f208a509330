//! `mmh cost`: what a run cost, by iteration.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{CliResult, error::CliError};
use crate::{
    record::{format::Cost, reader::RunReader},
    text,
};

#[derive(Args)]
pub struct CostArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Print the costs as JSON
    #[arg(long)]
    json: bool,
}

pub fn main(args: CostArgs) -> CliResult {
    let cost = RunReader::open(&args.run)?.cost()?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&cost).map_err(CliError::host)?);
        return Ok(ExitCode::SUCCESS);
    }
    if cost.mock {
        println!("SIMULATED models: tokens are counted from the text, and cost nothing");
    }
    println!(
        "{:>9}  {:>12}  {:>12}  {:>12}  {:>12}  {:>10}",
        "", "proposer in", "out", "target in", "out", "USD"
    );
    for row in &cost.iterations {
        line(&format!("{:03}", row.index), &row.cost);
    }
    line("held-out", &cost.test);
    line("total", &cost.total);
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, cost: &Cost) {
    println!(
        "{name:>9}  {:>12}  {:>12}  {:>12}  {:>12}  {:>10.4}",
        text::grouped(cost.proposer_input_tokens),
        text::grouped(cost.proposer_output_tokens),
        text::grouped(cost.target_input_tokens),
        text::grouped(cost.target_output_tokens),
        cost.estimated_usd,
    );
}
