//! The evaluations of a run, and their rows, as the exports need them: one example at a time.

use mmh_record::{
    RecordError,
    data::Split,
    format::{CallRow, TraceRow},
    layout::{self, Place},
    manifest,
    reader::{Rows, RunReader},
    stored::Stored,
};

/// One evaluation of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The candidate's index.
    pub index: u32,
    /// Which examples were evaluated.
    pub split: Split,
    /// Its folder, such as `iterations/003` or `test/003`.
    pub folder: String,
}

impl Evaluation {
    /// The validation or held-out evaluation of a candidate.
    pub fn of(index: u32, split: Split) -> Self {
        let folder = match split {
            Split::Test => layout::held_out(index),
            _ => layout::iteration(index),
        };
        Self { index, split, folder }
    }

    /// The path of a file of the evaluation.
    pub fn file(&self, name: &str) -> String {
        layout::file(&self.folder, name)
    }

    /// What happened on each example.
    pub fn traces(&self, reader: &RunReader) -> Result<Rows<TraceRow>, RecordError> {
        reader.rows(&self.file(layout::TRACES))
    }

    /// The model calls by example. They stay in the file.
    pub fn calls(&self, reader: &RunReader) -> Result<Stored<CallRow>, RecordError> {
        Stored::index(reader.dir(), &self.file(layout::CALLS), |_| {})
    }
}

/// All evaluations of a run that have rows, by candidate: the validation examples first.
pub fn all(reader: &RunReader) -> Result<Vec<Evaluation>, RecordError> {
    let problem = |source| RecordError::Io { action: "list", file: String::new(), source };
    let folders = manifest::folders_of(reader.dir()).map_err(problem)?;
    let placed = folders.into_iter().filter_map(|folder| layout::place(&folder));
    let mut found: Vec<Evaluation> = placed
        .map(|(place, index)| {
            Evaluation::of(index, if place == Place::HeldOut { Split::Test } else { Split::Val })
        })
        .filter(|it| reader.has(&it.file(layout::TRACES)))
        .collect();
    found.sort_by_key(|it| (it.index, it.split == Split::Test));
    Ok(found)
}
