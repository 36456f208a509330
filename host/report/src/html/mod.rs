//! A run as one page for people: all of it, in one HTML file that needs nothing else.
//!
//! `collect` reads a run folder, whole or partial, into the plain data of `data`; `details` holds what is
//! only looked at when it is opened; `page` puts both into the page whose parts stand in `assets/report`.
//! `view` serves the same page. Not in here: any drawing, which is the page's own business, and any text of a
//! run as markup: the page gets data, and shows it as text.

pub(crate) mod collect;
pub(crate) mod data;
pub(crate) mod details;
mod diff;
pub(crate) mod page;
mod pieces;
mod usage;

use mmh_record::{RecordError, reader::RunReader};

/// The most bytes of rows that go into a page; files beyond it are named as left out.
pub const MAX_ROWS_BYTES: u64 = 256 << 20;

/// A run's page.
pub struct Report {
    /// The run's id, as its configuration has it: a name for the file, once it was checked.
    pub run_id: String,
    /// The whole file.
    pub html: String,
    /// What could not be read, and what is missing. The page says so too.
    pub problems: Vec<String>,
}

/// The page of the run, as it stands now. Only a folder without a readable `config.json` is an error; what else is
/// missing or damaged is among the problems of the report.
pub fn make(reader: &RunReader) -> Result<Report, RecordError> {
    let mut pieces = pieces::Pieces::default();
    let mut details = Vec::new();
    let run = collect::Collector::default().run_with(reader, &mut |folder| {
        details.push(details::Details::of(folder, &mut pieces));
        pieces.next_block();
    })?;
    let mut numbered = pieces.numbered();
    let mut blocks = vec![("run".to_owned(), page::pack("run", &run)?)];
    blocks.push(("shared".to_owned(), page::pack("shared", &numbered.shared)?));
    for (at, ((name, _), mut details)) in run.evaluations().into_iter().zip(details).enumerate() {
        details.number(&mut numbered, at);
        if !details.is_empty() {
            blocks.push((name.clone(), page::pack(&name, &details)?));
        }
    }
    let html = page::file(&run.config.run_id, &blocks);
    Ok(Report { run_id: run.config.run_id, html, problems: run.problems })
}
