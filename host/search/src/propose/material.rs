//! What a proposer may see of a run, as files: for proposers that work in a folder.
//!
//! It is what the tools show as well: train examples, and of each iteration of earlier generations its source, reasoning,
//! score and traces. Held-out examples, the configuration and other runs cannot be reached from here. What is read from
//! the files is not logged, since nobody sees it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    history::{trace_json, train_json},
    index::{Order, RunIndex},
};
use crate::dataset::Dataset;
use mmh_record::{RecordError, language::HarnessLanguage, layout, reader::RunReader};

/// The part of a run that a proposer may see.
pub struct Material<'a> {
    reader: RunReader,
    index: Arc<RunIndex>,
    dataset: &'a Dataset,
    /// Iterations from this one on are not to be seen.
    known: u32,
}

/// The files of an iteration that are shown as they are.
pub const SHOWN: [&str; 5] =
    [layout::SOURCE, layout::PYTHON_SOURCE, layout::REASONING, layout::SCORE, layout::BATCHES];

impl<'a> Material<'a> {
    /// What may be seen of the run that `reader` reads, of the iterations before `known`.
    pub(crate) fn new(reader: RunReader, index: Arc<RunIndex>, dataset: &'a Dataset, known: u32) -> Self {
        Self { reader, index, dataset, known }
    }

    /// The language that harnesses are written in.
    pub fn language(&self) -> HarnessLanguage {
        self.reader.language()
    }

    /// The train examples, as the tools show them.
    pub fn train(&self) -> impl Iterator<Item = Value> {
        self.dataset.train.iter().map(train_json)
    }

    /// The iterations that may be seen, the newest first.
    pub fn iterations(&self) -> impl Iterator<Item = u32> {
        let has = |index: &u32| self.reader.folder(&layout::iteration(*index)).is_some();
        (0..self.known).rev().filter(has)
    }

    /// The main figures of all iterations, the best first.
    pub fn scoreboard(&self) -> Value {
        let board = self.index.board();
        let rows: Vec<Value> = (0..board.len()).map(|at| board.row(Order::Best, at, false)).collect();
        json!({ "best": board.best(), "iterations": rows })
    }

    /// One of the files in [`SHOWN`] of an iteration, if it has it and if the file has at most so many bytes.
    pub fn file(&self, iteration: u32, name: &str, most: u64) -> Result<Option<Vec<u8>>, RecordError> {
        let path = RunReader::iteration_file(iteration, name);
        let is_shown = iteration < self.known && SHOWN.contains(&name);
        match self.reader.size(&path).filter(|size| is_shown && *size <= most) {
            Some(_) => self.reader.bytes(&path).map(Some),
            None => Ok(None),
        }
    }

    /// Gives the traces of an iteration with their prompts and replies, until `each` says that it has enough.
    pub fn traces(&self, iteration: u32, mut each: impl FnMut(Value) -> bool) -> Result<(), RecordError> {
        if iteration >= self.known || !self.reader.has(&RunReader::iteration_file(iteration, layout::TRACES))
        {
            return Ok(());
        }
        let index = self.index.traces(&self.reader, iteration)?;
        let files = index.open(&self.reader)?;
        for at in 0..index.len(false) {
            let (row, calls) = files.read(false, at)?;
            if !each(trace_json(&row, &calls)) {
                break;
            }
        }
        Ok(())
    }
}
