//! `mmh report`: a run as one HTML file, to look at and to pass on.

use std::{
    fs::Permissions,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{CliResult, error::CliError};
use crate::{
    record::{reader::RunReader, writer::check_run_id},
    report::{self, Report},
    text,
};

#[derive(Args)]
pub struct ReportArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the file goes; - is standard output [default: RUN_ID.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn main(args: ReportArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?.within(report::MAX_ROWS_BYTES);
    let Report { run_id, html, problems } = report::make(&reader)?;
    for problem in &problems {
        eprintln!("note: {}", text::plain(problem));
    }
    // The id stands in a file that may be a stranger's: it names a file only if it is an id.
    let named = if check_run_id(&run_id).is_ok() { &run_id } else { "report" };
    let file = args.output.unwrap_or_else(|| PathBuf::from(format!("{named}.html")));
    if file == Path::new("-") {
        std::io::stdout().write_all(html.as_bytes()).map_err(CliError::host)?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&file, &html)
        .map_err(|error| CliError::host(format!("cannot write {}: {error}", file.display())))?;
    println!("{} ({})", file.display(), text::bytes(html.len() as u64));
    Ok(ExitCode::SUCCESS)
}

/// Whole or not at all: written beside, then renamed.
fn write(file: &Path, html: &str) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let readable = Permissions::from_mode(0o666);
    let mut beside = tempfile::Builder::new().prefix(".report-").permissions(readable).tempfile_in(folder)?;
    beside.write_all(html.as_bytes())?;
    beside.persist(file)?;
    Ok(())
}
