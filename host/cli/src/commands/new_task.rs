//! `mmh new-task`: drafts a `task.toml` for data, beside a copy of it or with a reference to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use crate::{
    error::{CliError, CliResult},
    output,
};
use mmh_record::{data::Columns, text};
use mmh_search::dataset::{Source, TASK_FILE, draft::Draft, overview::Overview};

#[derive(Args)]
pub struct NewTaskArgs {
    /// The folder of the task, which is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The data: a file, or a folder with files train, val and test
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Name the data where it is, and make no copy of it
    #[arg(long)]
    reference: bool,
    /// Print what was written and understood as JSON
    #[arg(long)]
    json: bool,
}

pub fn main(args: &NewTaskArgs) -> CliResult {
    let file = args.folder.join(TASK_FILE);
    if file.exists() {
        return Err(CliError::input(format!(
            "{} is there already: take another folder, or remove it",
            text::path(&file)
        )));
    }
    let draft = Draft::of(&args.from)?;
    let failed = |what: &Path, error: std::io::Error| {
        CliError::host(format!("cannot write {}: {error}", text::path(what)))
    };
    fs::create_dir_all(&args.folder).map_err(|error| failed(&args.folder, error))?;
    let data = match args.reference {
        true => Some(referred(&args.from)?),
        false => {
            copy(&draft, &args.folder)?;
            draft.file_names().next().map(|(_, name)| name).filter(|_| draft.is_one_file)
        }
    };
    let name =
        args.folder.canonicalize().ok().and_then(|it| Some(it.file_name()?.to_string_lossy().into_owned()));
    let written = draft.toml(&name.unwrap_or_else(|| "task".into()), data.as_deref());
    fs::write(&file, &written).map_err(|error| failed(&file, error))?;
    shown(args, &file, &written)
}

/// Says what was written, and what is understood of it.
fn shown(args: &NewTaskArgs, file: &Path, written: &str) -> CliResult {
    let folder = args.folder.to_string_lossy();
    let loaded = Source { name: &folder, columns: &Columns::default() }.load(0);
    let shown = text::path(file);
    match loaded {
        Ok(dataset) if args.json => {
            output::json(
                &json!({ "ok": true, "file": shown, "text": written, "task": Overview::of(&dataset) }),
            );
        }
        Ok(dataset) => {
            outln!("wrote {shown}; what is guessed in it is explained there, and this is what it says:\n");
            output::text(&super::task::render(&Overview::of(&dataset)));
        }
        Err(error) => {
            return Err(CliError::input(format!(
                "wrote {shown}, which has to be corrected by hand: {error}"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The place of the data, from wherever it is read.
fn referred(data: &Path) -> Result<String, CliError> {
    let path =
        data.canonicalize().map_err(|error| CliError::input(format!("{}: {error}", text::path(data))))?;
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CliError::input(format!("the path {} is no UTF-8, so that a file cannot name it", text::path(&path)))
    })
}

/// Copies the data beside the task's file. Nothing is written over.
fn copy(draft: &Draft, folder: &Path) -> Result<(), CliError> {
    for (file, name) in draft.file_names() {
        let copy = folder.join(name);
        if copy.exists() {
            let is_same = copy.canonicalize().ok() == file.canonicalize().ok();
            if is_same {
                continue;
            }
            return Err(CliError::input(format!(
                "{} is there already: take another folder, or --reference",
                text::path(&copy)
            )));
        }
        fs::copy(file, &copy)
            .map_err(|error| CliError::host(format!("cannot copy {}: {error}", text::path(file))))?;
    }
    Ok(())
}
