//! `mmh compare`: several runs, over one data set or several, in one table.

mod page;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output,
};
use mmh_record::{reader::RunReader, text};
use mmh_report::across::{Across, RunScores};
use mmh_search::baselines;

#[derive(Args)]
pub struct CompareArgs {
    /// The runs' folders
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
#[group(multiple = false)]
struct FormatArgs {
    /// Print the table, and what it is made of, as JSON
    #[arg(long)]
    json: bool,
    /// Print one line for each harness and data set, and for each mean, for spreadsheets and data frames
    #[arg(long)]
    csv: bool,
}

pub fn main(args: &CompareArgs) -> CliResult {
    let (mut runs, mut unscored, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for path in &args.runs {
        let name = text::path(path);
        if !seen.insert(path) {
            return Err(CliError::input(format!("{name} is named twice")));
        }
        let reader = RunReader::open(path)?;
        match RunScores::of(&reader, name.clone(), baselines::of_source)? {
            Some(run) => runs.push(run),
            None => unscored.push(name),
        }
    }
    if runs.is_empty() {
        return Err(CliError::input(format!("nothing has a score yet: {}", unscored.join(", "))));
    }
    let mut all = Across::of(runs);
    all.warnings.extend(unscored.into_iter().map(|name| format!("{name} is left out: it has no score yet")));
    match (args.format.json, args.format.csv) {
        (true, _) => output::json(&all),
        (_, true) => output::text(&page::csv(&all)?),
        _ => output::text(&page::render(&all)),
    }
    Ok(ExitCode::SUCCESS)
}
