//! The labelled examples: three splits and the task they are about.
//!
//! `train` a harness may learn from, `val` is what the search scores and the proposer sees, `test` is
//! held out until the search is over.

mod load;
mod rows;
mod split;

use std::collections::BTreeSet;

pub use load::{BUILTIN, load};
pub use split::sample;

use crate::{
    digest::{Digest, KeyBuilder},
    sandbox::Task,
};

/// One labelled example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Unique in its data set, such as `val-0007`.
    pub id: String,
    pub input: String,
    pub label: String,
}

/// A part of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Train,
    Val,
    Test,
}

impl Split {
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// The name in files, ids and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// A task and its examples.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub task: Task,
    pub train: Vec<Example>,
    pub val: Vec<Example>,
    /// Empty where the data set has none.
    pub test: Vec<Example>,
    /// Of the task and every row, in order.
    pub digest: Digest,
    /// What a careful user should know, such as texts that stand in two splits.
    pub warnings: Vec<String>,
}

/// The data set could not be used. Says where and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("cannot read the data set {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error(
        "{name:?} is no data set: it is neither built in ({builtin}) nor a folder with train.jsonl and val.jsonl, nor \
         a .jsonl or .csv file",
        builtin = BUILTIN
    )]
    Unknown { name: String },
    #[error("{file}, line {line}: {problem}")]
    Row { file: String, line: usize, problem: String },
    #[error("{file}: {problem}")]
    Shape { file: String, problem: String },
}

impl Dataset {
    /// Puts splits of (text, label) rows together.
    fn assemble(name: &str, instructions: &str, splits: [Vec<rows::Row>; 3]) -> Result<Self, DatasetError> {
        let shape = |problem: String| DatasetError::Shape { file: name.to_owned(), problem };
        let labels: BTreeSet<&str> = splits.iter().flatten().map(|row| row.label.as_str()).collect();
        if labels.len() < 2 {
            return Err(shape(format!("there are {} labels, but a task needs at least two", labels.len())));
        }
        let task = Task {
            name: name.to_owned(),
            instructions: instructions.to_owned(),
            labels: labels.into_iter().map(str::to_owned).collect(),
        };
        let warnings = rows::overlaps(&splits);
        let [train, val, test] = splits;
        let (train, val, test) =
            (number(Split::Train, train), number(Split::Val, val), number(Split::Test, test));
        for (split, examples) in [(Split::Train, &train), (Split::Val, &val)] {
            if examples.is_empty() {
                return Err(shape(format!("the split {} has no rows", split.name())));
            }
        }
        let digest = digest(&task, [&train, &val, &test]);
        Ok(Self { task, train, val, test, digest, warnings })
    }

    /// The examples of a split.
    pub fn split(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.train,
            Split::Val => &self.val,
            Split::Test => &self.test,
        }
    }
}

fn number(split: Split, rows: Vec<rows::Row>) -> Vec<Example> {
    let rows = rows.into_iter().enumerate();
    rows.map(|(at, row)| Example {
        id: format!("{}-{at:04}", split.name()),
        input: row.text,
        label: row.label,
    })
    .collect()
}

fn digest(task: &Task, splits: [&Vec<Example>; 3]) -> Digest {
    let key = KeyBuilder::new("dataset").part("name", &task.name).part("instructions", &task.instructions);
    let key = task.labels.iter().fold(key, |key, label| key.part("label", label));
    let rows = splits.into_iter().flatten();
    rows.fold(key, |key, row| key.part("id", &row.id).part("input", &row.input).part("gold", &row.label))
        .finish()
}
