//! An evaluation under way: rows of examples that are over, and the calls that belong to them.

use std::{collections::HashMap, io};

use mmh_record::{
    format::{CallRow, TraceRow},
    layout,
    reader::RunReader,
};

use super::tail::Tail;
use crate::evaluations::Evaluation;

/// Examples that are over, each with its calls.
type Examples = Vec<(TraceRow, Vec<CallRow>)>;

/// An evaluation that is followed.
pub(super) struct Followed {
    pub(super) evaluation: Evaluation,
    traces: Tail,
    calls: Option<Tail>,
    /// Calls of examples that are not over.
    pending: HashMap<String, Vec<CallRow>>,
}

impl Followed {
    pub(super) fn open(reader: &RunReader, evaluation: Evaluation) -> io::Result<Self> {
        let traces = Tail::open(reader.dir(), &evaluation.file(layout::TRACES))?;
        Ok(Self { evaluation, traces, calls: None, pending: HashMap::new() })
    }

    /// The examples that are over since the last look, each with its calls, and the calls of batches of `learn`.
    pub(super) fn look(&mut self, reader: &RunReader) -> io::Result<(Examples, Vec<Vec<CallRow>>)> {
        let mut rows: Vec<TraceRow> = Vec::new();
        while let Some(row) = self.traces.next()? {
            rows.push(row);
        }
        // An example's calls are on record before its row.
        self.read_calls(reader)?;
        let examples = rows.into_iter().map(|row| {
            let calls = self.pending.remove(&row.example_id).unwrap_or_default();
            (row, calls)
        });
        let examples = examples.collect();
        let mut learned: Vec<String> =
            self.pending.keys().filter(|id| id.starts_with("learn-")).cloned().collect();
        learned.sort_unstable();
        Ok((examples, learned.iter().filter_map(|id| self.pending.remove(id)).collect()))
    }

    fn read_calls(&mut self, reader: &RunReader) -> io::Result<()> {
        let path = self.evaluation.file(layout::CALLS);
        if self.calls.is_none() && reader.has(&path) {
            self.calls = Some(Tail::open(reader.dir(), &path)?);
        }
        let Some(calls) = &mut self.calls else { return Ok(()) };
        while let Some(row) = calls.next::<CallRow>()? {
            self.pending.entry(row.example_id.clone()).or_default().push(row);
        }
        Ok(())
    }
}
