//! The labelled examples: three splits, and the task.
//!
//! A harness may learn from `train`. The search scores candidates on `val`, which the proposer sees. `test` is held out
//! until the search is over.

mod columns;
mod file;
pub mod findings;
mod json;
mod load;
mod rows;
mod split;
mod table;
pub mod task;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

pub use load::{BUILTIN, Source, load};
pub use split::sample;

use load::About;

use mmh_engine::sandbox::Task;
use mmh_record::{
    data::{DataFinding, Split},
    digest::{Digest, KeyBuilder},
    format::TaskInfo,
};
use task::{Classification, TaskKind};

/// One labelled example. Cheap to clone: clones share the texts, of which a data set may have very many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example(Arc<Labelled>);

/// The fields of an example.
#[derive(Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Unique in its data set, such as `val-0007`.
    pub id: String,
    /// The text.
    pub input: String,
    /// The correct label, one of the task's.
    pub label: String,
}

impl Example {
    /// An example with these fields.
    pub fn new(id: impl Into<String>, input: impl Into<String>, label: impl Into<String>) -> Self {
        Self(Arc::new(Labelled { id: id.into(), input: input.into(), label: label.into() }))
    }
}

impl Deref for Example {
    type Target = Labelled;

    fn deref(&self) -> &Labelled {
        &self.0
    }
}

/// A task and its examples.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What kind of task it poses.
    pub kind: Arc<dyn TaskKind>,
    /// Name, instructions and labels.
    pub task: Task,
    /// For learning; never empty.
    pub train: Vec<Example>,
    /// For the search; never empty.
    pub val: Vec<Example>,
    /// Held out; empty if the data set has none.
    pub test: Vec<Example>,
    /// Digest of all rows in order, and of the name and instructions in the data set's own task file. Names of files are
    /// not part of it.
    pub digest: Digest,
    /// What a careful user should know, such as texts that occur in two splits.
    pub findings: Vec<DataFinding>,
}

/// The data set cannot be used. The message says where and why.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder cannot be read, or is too large.
    #[error("cannot read the data set {path}: {source}")]
    Read {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no data set of this name or path.
    #[error(
        "{name:?} is no data set: it is neither built in ({builtin}) nor a folder with train and val, nor a file with \
         the ending {endings}",
        builtin = BUILTIN,
        endings = file::ENDINGS
    )]
    Unknown {
        /// As it was given.
        name: String,
    },
    /// A row is wrong.
    #[error("{file}, line {line}: {problem}")]
    Row {
        /// The file.
        file: String,
        /// The line on which the row begins, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file, or the data set as a whole, is wrong.
    #[error("{file}: {problem}")]
    Shape {
        /// The file, or the data set's name.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Dataset {
    /// Makes a data set of splits. `name` and `instructions` are used if the data set has none of its own.
    fn assemble(
        name: &str,
        about: About,
        instructions: &str,
        splits: [Vec<rows::Row>; 3],
    ) -> Result<Self, DatasetError> {
        let shape = |problem: String| DatasetError::Shape { file: name.to_owned(), problem };
        let labels: BTreeSet<&str> = splits.iter().flatten().map(|row| row.label.as_str()).collect();
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let [train, val, test] = splits;
        let (train, val, test) =
            (number(Split::Train, train), number(Split::Val, val), number(Split::Test, test));
        for (split, examples) in [(Split::Train, &train), (Split::Val, &val)] {
            if examples.is_empty() {
                return Err(shape(format!("the split {} has no rows", split.name())));
            }
        }
        if let [label] = labels.as_slice() {
            return Err(shape(format!(
                "every row has the label {label:?}, but a task needs at least two labels"
            )));
        }
        let digest = digest(&about, &labels, [&train, &val, &test]);
        let findings = findings::find([&train, &val, &test]);
        let name = about.name.unwrap_or_else(|| name.to_owned());
        let instructions = about.instructions.unwrap_or_else(|| instructions.to_owned());
        let task = Task { name, instructions, labels };
        Ok(Self { kind: Arc::new(Classification), task, train, val, test, digest, findings })
    }

    /// What a run records about it.
    pub fn info(&self) -> TaskInfo {
        TaskInfo {
            instructions: self.task.instructions.clone(),
            labels: self.task.labels.clone(),
            train_size: self.train.len(),
            val_size: self.val.len(),
            test_size: self.test.len(),
            findings: Some(self.findings.clone()),
        }
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
    rows.map(|(at, row)| Example::new(format!("{}-{at:04}", split.name()), row.text, row.label)).collect()
}

fn digest(about: &About, labels: &[String], splits: [&Vec<Example>; 3]) -> Digest {
    let key = KeyBuilder::new("dataset");
    let own = [("name", &about.name), ("instructions", &about.instructions)];
    let own = own.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let key = own.fold(key, |key, (name, text)| key.part(name, text));
    let key = labels.iter().fold(key, |key, label| key.part("label", label));
    let rows = splits.into_iter().flatten();
    rows.fold(key, |key, row| key.part("id", &row.id).part("input", &row.input).part("gold", &row.label))
        .finish()
}
