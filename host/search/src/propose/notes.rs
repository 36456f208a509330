//! The notes of earlier iterations.

use serde_json::json;

use super::{
    history::{Answer, History},
    pages::Page,
};
use mmh_record::{RecordError, format::NoteRow, layout, reader::RunReader};

/// The name of the notes in the log of reads.
const NOTED: &str = "notes";

impl History {
    /// The notes of all earlier iterations, the newest first, until they have so many bytes: the iteration and the text.
    pub(super) fn noted(&self, most_bytes: usize) -> Result<Vec<(u32, String)>, RecordError> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let last = self.index.board().last().map_or(0, |last| last + 1).min(self.known);
        for iteration in (0..last).rev() {
            let path = RunReader::iteration_file(iteration, layout::NOTES);
            if !self.has(iteration, &path) {
                continue;
            }
            let rows: Vec<NoteRow> = self.reader.lines(&path)?;
            for row in rows.into_iter().rev() {
                bytes += row.text.len();
                if bytes > most_bytes {
                    return Ok(found);
                }
                found.push((iteration, row.text));
            }
        }
        Ok(found)
    }

    /// A page of the notes, the newest first.
    pub fn notes(&mut self, page: Page) -> Result<Answer, RecordError> {
        let notes = self.noted(usize::MAX)?;
        let rows = page.fill("notes", notes.len(), |at| {
            let row = notes.get(at).map(|(iteration, text)| json!({ "iteration": iteration, "text": text }));
            Ok(row.unwrap_or_default())
        })?;
        let text = rows.to_string();
        self.note(NOTED, text.len())?;
        Ok(Ok(text))
    }
}
