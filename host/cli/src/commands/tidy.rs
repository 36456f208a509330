//! `mmh mv` and `mmh rm`: a run with what lies beside it, moved or removed. What is sealed stays as it is.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output_file::refuse_runs,
};
use mmh_record::{RecordError, layout, manifest, reader::RunReader, text, writer};

/// How the names of files end that belong to a run and lie beside it: signatures, and what people noted.
const BESIDE: [&str; 2] = [".intoto.jsonl", ".notes.json"];

#[derive(Args)]
pub struct MvArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Its new folder, or a folder that is there, into which it goes
    #[arg(value_name = "TO")]
    to: PathBuf,
}

#[derive(Args)]
pub struct RmArgs {
    /// The folders of the runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Remove finished runs as well, whose record is sealed
    #[arg(long)]
    finished: bool,
}

pub fn mv(args: &MvArgs) -> CliResult {
    let run = resolved(&args.run)?;
    let name = run.file_name().unwrap_or_default();
    let to = if args.to.is_dir() { args.to.join(name) } else { args.to.clone() };
    refuse_runs(&to).map_err(CliError::input)?;
    let _alone = writer::hold(&run)?;
    let moves: Vec<(PathBuf, PathBuf)> = [(run.clone(), to.clone())]
        .into_iter()
        .chain(BESIDE.iter().map(|ending| (beside(&run, ending), beside(&to, ending))))
        .filter(|(from, _)| from.symlink_metadata().is_ok())
        .collect();
    if let Some((_, there)) = moves.iter().find(|(_, to)| to.symlink_metadata().is_ok()) {
        return Err(CliError::input(format!("{} exists already", text::path(there))));
    }
    // The run comes last: signatures without a run do less harm than a run that seems to have none.
    for (from, to) in moves.iter().rev() {
        fs::rename(from, to).map_err(|error| {
            CliError::host(format!("cannot move {} to {}: {error}", text::path(from), text::path(to)))
        })?;
        outln!("{} -> {}", text::path(from), text::path(to));
    }
    Ok(ExitCode::SUCCESS)
}

pub fn rm(args: &RmArgs) -> CliResult {
    // All of them are looked at before one of them goes.
    let runs = args.runs.iter().map(|run| removable(run, args.finished)).collect::<Result<Vec<_>, _>>()?;
    for (run, _alone) in &runs {
        let gone = |path: &Path, done: std::io::Result<()>| {
            done.map_err(|error| CliError::host(format!("cannot remove {}: {error}", text::path(path))))
        };
        gone(run, fs::remove_dir_all(run))?;
        for path in BESIDE.iter().map(|ending| beside(run, ending)).filter(|it| it.symlink_metadata().is_ok())
        {
            gone(&path, fs::remove_file(&path))?;
        }
        outln!("removed {}", text::path(run));
    }
    Ok(ExitCode::SUCCESS)
}

/// A run that may be removed, and the right to write to it, which nobody else has meanwhile.
fn removable(run: &Path, finished: bool) -> Result<(PathBuf, fs::File), CliError> {
    let run = resolved(run)?;
    let alone = writer::hold(&run)?;
    let reader = RunReader::open(&run)?;
    if reader.has(manifest::NAME) && !finished {
        return Err(CliError::input(format!(
            "{} has ended, and its record is sealed; --finished removes it all the same",
            text::path(&run)
        )));
    }
    match foreign(&reader)? {
        None => Ok((run, alone)),
        Some(file) => Err(CliError::input(format!(
            "{} has a file that is no run's: {}; move it away first",
            text::path(&run),
            text::name(&file)
        ))),
    }
}

/// A file or folder in a run's folder that does not belong to a run.
fn foreign(reader: &RunReader) -> Result<Option<String>, CliError> {
    let problem = |source| RecordError::Io { action: "list", file: String::new(), source };
    let mut folders = vec![String::new()];
    folders.extend(manifest::folders_of(reader.dir()).map_err(problem)?);
    for folder in folders {
        let entries = match folder.as_str() {
            "" => reader.dir().entries().map_err(problem)?,
            path => match reader.folder(path) {
                Some(dir) => dir.entries().map_err(problem)?,
                None => continue,
            },
        };
        for entry in entries {
            let entry = entry.map_err(problem)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_dir = entry.file_type().map_err(problem)?.is_dir();
            let belongs = match is_dir {
                true => folder.is_empty() && layout::PARENTS.contains(&name.as_str()),
                false => layout::kind(&folder, &name).is_some() || layout::is_partial(&name),
            };
            if !belongs {
                return Ok(Some(layout::file(&folder, &name)));
            }
        }
    }
    Ok(None)
}

/// The folder itself, where a link leads to it.
fn resolved(run: &Path) -> Result<PathBuf, CliError> {
    RunReader::open(run)?;
    run.canonicalize().map_err(|error| CliError::input(format!("cannot open {}: {error}", text::path(run))))
}

/// A file beside a run's folder.
fn beside(run: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = run.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    run.with_file_name(name)
}
