//! Notes that a proposer leaves for later iterations. They are in the run's folder once the proposal has ended.

use serde_json::json;

use super::Toolbox;
use crate::propose::{Outcome, history::Answer};
use mmh_models::cancel::Stop;
use mmh_record::{RecordError, format::NoteRow, layout, text, writer::IterationWriter};

/// Most notes of a candidate, and most bytes of each.
pub const MAX_NOTES: usize = 10;
pub const MAX_NOTE_BYTES: usize = 2_000;

impl Toolbox<'_> {
    pub(super) fn add_note(&mut self, note: String) -> Answer {
        let note = note.trim().to_owned();
        if note.is_empty() {
            return Err("the note is empty".into());
        }
        if note.len() > MAX_NOTE_BYTES {
            let [has, limit] = [note.len(), MAX_NOTE_BYTES].map(|bytes| text::bytes(bytes as u64));
            return Err(format!("the note has {has}, the limit is {limit}"));
        }
        if self.notes.len() >= MAX_NOTES {
            return Err(format!("there are {MAX_NOTES} notes of this iteration, which is the limit"));
        }
        self.notes.push(note);
        Ok(json!({ "ok": true, "notes": self.notes.len(), "limit": MAX_NOTES }).to_string())
    }

    /// Writes the notes of a proposal that has ended. One that was stopped goes on later, and has its calls on record.
    pub(crate) fn keep_notes(&self, folder: &IterationWriter, outcome: &Outcome) -> Result<(), RecordError> {
        let was_stopped = matches!(outcome, Outcome::Unsubmitted { status, .. } if Stop::is_status(status));
        if was_stopped || self.notes.is_empty() {
            return Ok(());
        }
        let row = |text: &String| json!(NoteRow { text: text.clone() }).to_string() + "\n";
        folder.put(layout::NOTES, self.notes.iter().map(row).collect::<String>().as_bytes())
    }
}
