//! What an iteration's first message says of the run so far: the best iterations, what the best one got wrong and what it
//! changed, and notes. Everything comes from the run's folder, so that `verify` makes it again. It has a bounded size.
//!
//! The transcript has the whole message, so it is not in the log of reads.

use super::{
    changes::{self, Changed, Changes},
    history::{History, Order},
};
use mmh_record::{RecordError, layout, reader::RunReader, text};
use mmh_report::lineage;

/// Most rows of the scoreboard, bytes of the best reasoning, confusions, ids of each list, and bytes of notes.
const MAX_ROWS: usize = 5;
const MAX_REASONING: usize = 3_000;
const MAX_CONFUSIONS: usize = 8;
const MAX_IDS: usize = 12;
const MAX_NOTES: usize = 4_000;

/// Among so many earlier harnesses the parent of the best one is looked for, in sources of at most so many bytes.
const MAX_EARLIER: usize = 20;
const MAX_SOURCE: u64 = 64 << 10;

impl History {
    /// The run so far, for the first message.
    pub(super) fn briefing(&self, has_labels: bool) -> Result<String, RecordError> {
        let mut parts = Vec::new();
        let best = self.index.board().best().filter(|best| *best < self.known);
        if let Some(best) = best {
            parts.push(self.standing());
            parts.push(self.reasoning(best)?);
            parts.extend(self.failures(best, has_labels)?);
            parts.extend(self.against_parent(best)?);
        }
        parts.extend(self.in_notes()?);
        Ok(parts.iter().map(|part| format!("\n\n{part}")).collect())
    }

    /// The best iterations.
    fn standing(&self) -> String {
        let board = self.index.board();
        let rows = (0..board.len().min(MAX_ROWS)).map(|at| board.row(Order::Best, at, false).to_string());
        let rows: Vec<String> = rows.collect();
        let all = board.len();
        format!("Scoreboard, the best {} of {all} iterations first:\n{}", rows.len(), rows.join("\n"))
    }

    fn reasoning(&self, best: u32) -> Result<String, RecordError> {
        let path = RunReader::iteration_file(best, layout::REASONING);
        let reasoning = if self.has(best, &path) { self.reader.text(&path)? } else { String::new() };
        let reasoning = text::middle_cut(reasoning.trim(), MAX_REASONING);
        Ok(format!("Reasoning of the best iteration, {best}:\n<reasoning>\n{reasoning}\n</reasoning>"))
    }

    /// What the best iteration got wrong, in short.
    fn failures(&self, best: u32, has_labels: bool) -> Result<Option<String>, RecordError> {
        let Some(wrongs) = changes::wrongs(&self.reader, best, MAX_IDS)? else { return Ok(None) };
        if wrongs.ids.is_empty() {
            return Ok(Some(format!("Iteration {best} answers every validation example right.")));
        }
        let mut told =
            format!("What iteration {best} gets wrong (read_eval_trace): {}", wrongs.ids.join(", "));
        if wrongs.ids.len() == MAX_IDS {
            told += &format!("; these are the first {MAX_IDS}");
        }
        told += ".";
        if !wrongs.errors.is_empty() {
            let kinds = wrongs.errors.iter().map(|(kind, count)| format!("{kind} ({count})"));
            told += &format!("\nWithout an answer: {}.", kinds.collect::<Vec<_>>().join(", "));
        }
        if has_labels {
            let confusions = wrongs.confusions.in_words(MAX_CONFUSIONS);
            told += &format!("\nMost frequent confusions, right answer → given answer: {confusions}.");
        }
        Ok(Some(told))
    }

    /// What the best iteration changed against the one whose source it was made from.
    fn against_parent(&self, best: u32) -> Result<Option<String>, RecordError> {
        let Some(parent) = self.parent(best)? else { return Ok(None) };
        let objective = self.index.board().objective();
        let Some(changes) = changes::between(&self.reader, (parent, best), objective)? else {
            return Ok(None);
        };
        let Changes { paired, fixed, broken } = changes;
        Ok(Some(format!(
            "Iteration {best} against iteration {parent}, whose source is closest to its own (compare_iterations): it fixed {}{} and broke \
             {}{}; p = {:.3}.",
            fixed.len(),
            named(&fixed),
            broken.len(),
            named(&broken),
            paired.p,
        )))
    }

    fn parent(&self, best: u32) -> Result<Option<u32>, RecordError> {
        let Some(source) = self.source(best)? else { return Ok(None) };
        let mut earlier = Vec::new();
        for index in self.index.board().scored_before(best).into_iter().take(MAX_EARLIER) {
            earlier.extend(self.source(index)?.map(|source| (index, source)));
        }
        Ok(lineage::parent(&source, earlier.iter().map(|(index, source)| (*index, source.as_str()))))
    }

    fn source(&self, index: u32) -> Result<Option<String>, RecordError> {
        let path = RunReader::iteration_file(index, self.reader.source_name());
        let is_small = self.reader.size(&path).is_some_and(|bytes| bytes <= MAX_SOURCE);
        if is_small && self.has(index, &path) { self.reader.text(&path).map(Some) } else { Ok(None) }
    }

    fn in_notes(&self) -> Result<Option<String>, RecordError> {
        let notes = self.noted(MAX_NOTES)?;
        let lines = notes.iter().map(|(iteration, note)| format!("- iteration {iteration}: {note}"));
        let lines: Vec<String> = lines.collect();
        Ok((!lines.is_empty()).then(|| {
            format!(
                "Notes of earlier iterations, the newest first (read_notes has all):\n{}",
                lines.join("\n")
            )
        }))
    }
}

/// The ids of the first few, in brackets.
fn named(changed: &[Changed]) -> String {
    if changed.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = changed.iter().take(MAX_IDS).map(|it| it.example_id.as_str()).collect();
    let more = if changed.len() > MAX_IDS { ", …" } else { "" };
    format!(" ({}{more})", ids.join(", "))
}
