//! The labelled examples: three splits and the task they are about.
//!
//! `train` a harness may learn from, `val` is what the search scores and the proposer sees, `test` is
//! held out until the search is over.

mod columns;
mod file;
pub mod findings;
mod json;
mod load;
mod rows;
mod split;
mod table;

use std::collections::BTreeSet;

pub use load::{BUILTIN, Source, load};
pub use split::sample;

use load::About;

use mmh_engine::sandbox::Task;
use mmh_record::{
    data::{DataFinding, Split},
    digest::{Digest, KeyBuilder},
    format::TaskInfo,
};

/// One labelled example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Unique in its data set, such as `val-0007`.
    pub id: String,
    pub input: String,
    pub label: String,
}

impl Example {
    /// Whether a prediction is right: it is the label, letter by letter. Only white space around it does not matter. What a
    /// reply may be taken for besides, the harness decides.
    pub fn is_answered_by(&self, predicted: &str) -> bool {
        predicted.trim() == self.label
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
    /// Of every row, in order, and of what the data set says of itself. The name of a file is no part of it.
    pub digest: Digest,
    /// What a careful user should know, such as texts that stand in two splits.
    pub findings: Vec<DataFinding>,
}

/// The data set could not be used. Says where and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("cannot read the data set {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error(
        "{name:?} is no data set: it is neither built in ({builtin}) nor a folder with train and val, nor a file with \
         the ending {endings}",
        builtin = BUILTIN,
        endings = file::ENDINGS
    )]
    Unknown { name: String },
    #[error("{file}, line {line}: {problem}")]
    Row { file: String, line: usize, problem: String },
    #[error("{file}: {problem}")]
    Shape { file: String, problem: String },
}

impl Dataset {
    /// Puts splits of rows together. `name` and `instructions` are for a data set that says nothing of itself.
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
        Ok(Self { task, train, val, test, digest, findings })
    }

    /// What is recorded of it.
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
    rows.map(|(at, row)| Example {
        id: format!("{}-{at:04}", split.name()),
        input: row.text,
        label: row.label,
    })
    .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_right_letter_by_letter() {
        let table = [
            ("flu", "flu", true),
            (" flu\n", "flu", true),
            ("Flu", "flu", false),
            ("flu.", "flu", false),
            ("A", "A+", false),
            ("1.0", "1", false),
            ("cafe\u{301}", "caf\u{e9}", false),
            ("", "flu", false),
        ];
        for (predicted, label, expected) in table {
            let example = Example { id: "val-0000".into(), input: "text".into(), label: label.into() };
            assert_eq!(example.is_answered_by(predicted), expected, "{predicted:?} for {label:?}");
        }
    }
}
