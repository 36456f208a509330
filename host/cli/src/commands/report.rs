//! `mmh report`: a run as one HTML file, to look at and to pass on.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output,
    output_file::OutputFile,
};
use mmh_record::{reader::RunReader, text, user_notes::UserNotes, writer::check_run_id};
use mmh_report::html::{self, Report};

#[derive(Args)]
pub struct ReportArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where the file goes; - is standard output [default: RUN_ID.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out the tags and notes that lie beside the run
    #[arg(long)]
    no_notes: bool,
}

pub fn main(args: ReportArgs) -> CliResult {
    // A name that is given can be checked before the work is done.
    let named = args.output.as_deref().filter(|it| *it != Path::new("-")).map(|it| checked(it, &args.run));
    let named = named.transpose()?;
    let reader = RunReader::open(&args.run)?;
    let notes = if args.no_notes { UserNotes::default() } else { UserNotes::of_run(&args.run)? };
    let Report { run_id, html, traces_left_out, problems } = html::make(&reader, &notes)?;
    if !notes.notes.is_empty() {
        errln!("note: tags and notes from beside the run are in the page; --no-notes leaves them out");
    }
    for problem in &problems {
        errln!("note: {}", text::name(problem));
    }
    if traces_left_out > 0 {
        let run = text::path(&args.run);
        errln!(
            "note: traces that have no room in the page: {traces_left_out}; all results are in it, and `mmh view {run}` shows all traces"
        );
    }
    if args.output.as_deref() == Some(Path::new("-")) {
        output::raw(html.as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    // The id stands in a file that may be a stranger's: it names a file only if it is an id.
    let id = if check_run_id(&run_id).is_ok() { &run_id } else { "report" };
    let path = args.output.unwrap_or_else(|| PathBuf::from(format!("{id}.html")));
    let file = named.map_or_else(|| checked(&path, &args.run), Ok)?;
    file.write(html.as_bytes())?;
    outln!("{} ({})", text::path(&path), text::bytes(html.len() as u64));
    Ok(ExitCode::SUCCESS)
}

fn checked(path: &Path, run: &Path) -> Result<OutputFile, CliError> {
    OutputFile::check(path, &[run], &[".html", ".htm"])
}
