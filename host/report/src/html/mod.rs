//! A run as one page for people: all of it, in one HTML file that needs nothing else.
//!
//! `read` reads an evaluation's folder line by line, and `collect` puts a run, whole or partial, into the plain data of
//! `data`; `details` holds what is only looked at when it is opened; `page` puts both into the page whose parts stand in
//! `assets/report`. `view` serves the same page. Not in here: any drawing, which is the page's own business, and any text
//! of a run as markup: the page gets data, and shows it as text.
//!
//! A page holds what came of every example, however many there are, and the traces and calls of as many examples as there
//! is room for. It says where others can be seen.

mod brief;
pub(crate) mod collect;
mod compared;
pub(crate) mod data;
pub(crate) mod details;
mod diff;
mod known;
mod learned;
pub(crate) mod page;
mod pieces;
pub(crate) mod read;
mod scoring;
mod sketch;
mod stage;
mod turns;
mod usage;

use self::{
    collect::Collector,
    details::{Details, Source},
};
use mmh_record::{RecordError, layout::Place, reader::RunReader, user_notes::UserNotes};

/// The most bytes of the texts of traces, calls and transcripts that go into a page.
const TEXTS_BYTES: u64 = 32 << 20;

/// The most of them that are served at once for an evaluation: other examples are asked for one at a time.
pub(crate) const BLOCK_BYTES: u64 = 8 << 20;

/// A run's page.
pub struct Report {
    /// The run's id, as its configuration has it: a name for the file, once it was checked.
    pub run_id: String,
    /// The whole file.
    pub html: String,
    /// Traces that have no room in the page. The page says so too, and what shows them.
    pub traces_left_out: usize,
    /// What could not be read, and what is missing. The page says so too.
    pub problems: Vec<String>,
}

/// The page of the run, as it stands now. Only a folder without a readable `config.json` is an error; what else is
/// missing or damaged is among the problems of the report.
///
/// The notes that people keep beside the run are shown as they stand in `notes`.
pub fn make(reader: &RunReader, notes: &UserNotes) -> Result<Report, RecordError> {
    let mut pieces = pieces::Pieces::default();
    let mut details: Vec<Details> = Vec::new();
    let [val, test] =
        [Place::Iteration, Place::HeldOut].map(|place| collect::indices_in(reader, place).len());
    let (mut room, mut evaluations) = (TEXTS_BYTES, (val + test) as u64);
    let mut run = Collector::default().run_with(reader, &mut |folder, places| {
        // Equal shares of what the evaluations before have left.
        let source = Source { reader, folder, places, room: room / evaluations.max(1) };
        let texts = Details::of(&source, &mut pieces);
        (room, evaluations) = (room - texts.kept_bytes(), evaluations.saturating_sub(1));
        details.push(texts);
        pieces.next_block();
    })?;
    run.traces_left_out = details.iter().map(Details::traces_left_out).sum();
    let mut numbered = pieces.numbered();
    let mut blocks = vec![("run".to_owned(), page::pack("run", &run)?)];
    if !notes.notes.is_empty() {
        blocks.push(("notes".to_owned(), page::pack("notes", notes)?));
    }
    blocks.push(("shared".to_owned(), page::pack("shared", &numbered.shared)?));
    for (at, ((name, _), mut details)) in run.evaluations().into_iter().zip(details).enumerate() {
        details.number(&mut numbered, at);
        if !details.is_empty() {
            blocks.push((name.clone(), page::pack(&name, &details)?));
        }
    }
    let html = page::file(&run.config.run_id, &blocks);
    let (traces_left_out, problems) = (run.traces_left_out, run.problems);
    Ok(Report { run_id: run.config.run_id, html, traces_left_out, problems })
}
