//! `mmh plot`: a run's accuracies as a picture.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    CliResult,
    error::CliError,
    output_file::{OutputFile, has_ending},
};
use mmh_record::{reader::RunReader, text};
use mmh_report::plot;

#[derive(Args)]
pub struct PlotArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the picture goes; its name decides whether it is an SVG or a PNG
    #[arg(long, short, default_value = "accuracy.svg", value_name = "FILE.svg|FILE.png")]
    output: PathBuf,
    /// Pixels across of a PNG
    #[arg(long, default_value_t = 1720, value_name = "N", value_parser = clap::value_parser!(u32).range(200..=8000))]
    width: u32,
}

pub fn main(args: PlotArgs) -> CliResult {
    let shown = text::path(&args.output);
    let (is_svg, is_png) = (has_ending(&args.output, &[".svg"]), has_ending(&args.output, &[".png"]));
    if !is_svg && !is_png {
        let expected = "a name that ends in .svg or .png is expected";
        return Err(CliError::input(format!("{shown} is no picture: {expected}")));
    }
    let file = OutputFile::check(&args.output, &[&args.run], &[".svg", ".png"])?;
    let summary = RunReader::open(&args.run)?.summary()?;
    let svg = plot::svg(&summary);
    let picture = match is_svg {
        true => svg.into_bytes(),
        false => plot::png::png(&svg, args.width).map_err(CliError::host)?,
    };
    file.write(&picture)?;
    outln!("{shown}");
    Ok(ExitCode::SUCCESS)
}
