//! `mmh plot`: a run's accuracies, or its frontier, as a picture.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output_file::{OutputFile, has_ending},
};
use mmh_record::{reader::RunReader, text};
use mmh_report::plot;

#[derive(Args)]
pub struct PlotArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the picture goes, as an SVG
    #[arg(long, short, default_value = "accuracy.svg", value_name = "FILE.svg")]
    output: PathBuf,
    /// Draw the frontier: scores over the prompt tokens of an example
    #[arg(long)]
    frontier: bool,
}

pub fn main(args: PlotArgs) -> CliResult {
    let shown = text::path(&args.output);
    if !has_ending(&args.output, &[".svg"]) {
        let converted = "other programs make a PNG of it, such as `rsvg-convert -w 1720 a.svg -o a.png`";
        return Err(CliError::input(format!(
            "{shown} is no name for a picture: mmh draws SVG, so one that ends in .svg is expected; {converted}"
        )));
    }
    let file = OutputFile::check(&args.output, &[&args.run], &[".svg"])?;
    let summary = RunReader::open(&args.run)?.summary()?;
    let picture = if args.frontier { plot::frontier::svg(&summary) } else { plot::svg(&summary) };
    file.write(picture.as_bytes())?;
    outln!("{shown}");
    Ok(ExitCode::SUCCESS)
}
