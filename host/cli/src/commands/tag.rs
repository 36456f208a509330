//! `mmh tag`: tags and a note on a run or an iteration, as the page of `mmh view` keeps them.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    output,
};
use mmh_record::{
    reader::RunReader,
    text,
    user_notes::{UserNote, UserNotes, beside},
};

#[derive(Args)]
pub struct TagArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Tags to add
    #[arg(value_name = "TAG")]
    tags: Vec<String>,
    /// Take this tag away
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
    /// Write this note in place of the one before; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Of this iteration [default: of the run]
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
}

/// Without anything to change, it shows all tags and notes.
pub fn main(args: &TagArgs) -> CliResult {
    let reader = RunReader::open(&args.run)?;
    let (runs, name) = beside(&args.run)?;
    let mut notes = UserNotes::read(&runs, &name)?;
    let is_change = !args.tags.is_empty() || !args.remove.is_empty() || args.note.is_some();
    let of = match args.iteration {
        None => "run".to_owned(),
        Some(index) => {
            let summary = reader.summary()?;
            let mut all = summary.iterations.iter().map(|it| it.index);
            let mut unscored = summary.unscored.iter().map(|it| it.index);
            if !all.any(|it| it == index) && !unscored.any(|it| it == index) {
                let run = text::path(&args.run);
                return Err(CliError::input(format!(
                    "{run} has no iteration {index}: `mmh summary {run}` shows those that it has"
                )));
            }
            format!("iteration-{index}")
        }
    };
    if is_change {
        let mut note: UserNote = notes.notes.get(&of).cloned().unwrap_or_default();
        if let Some(tag) = args.remove.iter().find(|tag| !note.tags.contains(tag)) {
            return Err(CliError::input(format!("there is no tag {} on the {of}", text::name(tag))));
        }
        note.tags.retain(|tag| !args.remove.contains(tag));
        for tag in args.tags.iter().map(|tag| tag.trim().to_owned()) {
            if !note.tags.contains(&tag) {
                note.tags.push(tag);
            }
        }
        note.note = args.note.clone().unwrap_or(note.note);
        notes.enter(&of, note).map_err(CliError::input)?;
        notes.write(&runs, &name)?;
    }
    output::text(&shown(&notes, if is_change || args.iteration.is_some() { Some(&of) } else { None }));
    Ok(ExitCode::SUCCESS)
}

/// The tags and notes on one thing, or on all.
fn shown(notes: &UserNotes, of: Option<&String>) -> String {
    let mut out = String::new();
    for (on, note) in notes.notes.iter().filter(|(on, _)| of.is_none_or(|of| of == *on)) {
        let tags: String = note.tags.iter().map(|tag| format!(" [{}]", text::name(tag))).collect();
        out += &format!("{}:{tags}\n", text::name(on));
        out += &note.note.lines().map(|line| format!("  {line}\n")).collect::<String>();
    }
    if out.is_empty() { "no tags and no notes\n".into() } else { out }
}
