//! `mmh summary`: what a run found, finished or not.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::CliResult,
    scoreboard::{Format, Scoreboard},
};
use mmh_record::reader::RunReader;

#[derive(Args)]
pub struct SummaryArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

#[derive(Args)]
#[group(multiple = false)]
struct FormatArgs {
    /// Print the summary as JSON; what was compared is under `scoreboard`
    #[arg(long)]
    json: bool,
    /// Print one line an iteration, for spreadsheets and data frames
    #[arg(long)]
    csv: bool,
    /// Print a table for a page in Markdown
    #[arg(long)]
    markdown: bool,
}

impl FormatArgs {
    fn resolve(&self) -> Format {
        match (self.csv, self.markdown) {
            (true, _) => Format::Csv,
            (_, true) => Format::Markdown,
            _ => Format::json_or_text(self.json),
        }
    }
}

pub fn main(args: SummaryArgs) -> CliResult {
    Scoreboard::read(&RunReader::open(&args.run)?)?.print(args.format.resolve())?;
    Ok(ExitCode::SUCCESS)
}
