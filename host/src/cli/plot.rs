//! `mmh plot`: a run's accuracies as a picture.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{CliResult, error::CliError};
use crate::{plot, record::reader::RunReader};

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
    let summary = RunReader::open(&args.run)?.summary()?;
    let svg = plot::svg(&summary);
    let picture = match args.output.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => svg.into_bytes(),
        Some("png") => plot::png::png(&svg, args.width).map_err(CliError::host)?,
        _ => {
            let shown = args.output.display();
            return Err(CliError::input(format!(
                "{shown} is no picture: a name that ends in .svg or .png is expected"
            )));
        }
    };
    write(&args.output, &picture)?;
    println!("{}", args.output.display());
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(path, bytes)
        .map_err(|error| CliError::host(format!("cannot write {}: {error}", path.display())))
}
