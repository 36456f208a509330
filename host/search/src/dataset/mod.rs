//! The labelled examples: three splits, and the task.
//!
//! A harness may learn from `train`. The search scores candidates on `val`, which the proposer sees. `test` is held out
//! until the search is over.

mod columns;
pub mod draft;
mod file;
pub mod findings;
mod hints;
mod json;
mod labels;
mod load;
pub mod overview;
mod rows;
mod scorer;
mod split;
mod table;
pub mod task;
mod task_file;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

pub use load::{BUILTIN, Source, load};
pub use scorer::{ScorerCode, ScorerFile};
pub use split::sample;
pub use task_file::TASK_FILE;

use mmh_engine::sandbox::Task;
use mmh_record::{
    data::{DataFinding, Split},
    digest::{Digest, KeyBuilder},
    format::TaskInfo,
    input::{Field, Input},
    metric::MetricSpec,
};
use rows::Row;
use task::{LabelledTask, TaskKind};
use task_file::TaskFile;

/// One labelled example. Cheap to clone: clones share the texts, of which a data set may have very many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example(Arc<Labelled>);

/// The fields of an example.
#[derive(Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Unique in its data set, such as `val-0007`.
    pub id: String,
    /// What is asked.
    pub input: Input,
    /// The right answer, as text: a string of the data as it is, any other value as its JSON text. The task's metric
    /// knows how to read it.
    pub gold: String,
}

impl Example {
    /// An example with these fields.
    pub fn new(id: impl Into<String>, input: impl Into<Input>, gold: impl Into<String>) -> Self {
        Self(Arc::new(Labelled { id: id.into(), input: input.into(), gold: gold.into() }))
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
    /// The code of the task's own metric, if it has one. It grades once it is built: see [`Self::build_scorer`].
    pub scorer: Option<Arc<ScorerFile>>,
    /// Name, instructions and labels; an open task has none.
    pub task: Task,
    /// For learning; never empty.
    pub train: Vec<Example>,
    /// For the search; never empty.
    pub val: Vec<Example>,
    /// Held out; empty if the data set has none.
    pub test: Vec<Example>,
    /// Digest of all rows in order, and of what the task's own file says: name, instructions, metric and labels. Names of
    /// files are not part of it.
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
        "{name:?} is no data set: it is neither built in ({builtin}) nor a folder with a task.toml or with train and val, \
         nor a file with the ending {endings}",
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
    /// Makes a data set of splits. `name` is used if the task has none of its own.
    fn assemble(name: &str, file: TaskFile, splits: [Vec<Row>; 3]) -> Result<Self, DatasetError> {
        let shape = |problem: String| DatasetError::Shape { file: name.to_owned(), problem };
        for (split, rows) in [Split::Train, Split::Val].into_iter().zip(&splits) {
            if rows.is_empty() {
                return Err(shape(format!("the split {} has no rows", split.name())));
            }
        }
        let labels = file.labels.labels(&file.metric, &splits[0], &splits[1]);
        let golds: BTreeSet<&str> = splits.iter().flatten().map(|row| row.gold.as_str()).collect();
        let golds: Vec<String> = golds.into_iter().map(str::to_owned).collect();
        check_labels(&golds, labels.as_deref()).map_err(shape)?;
        let [train, val, test] = splits;
        let numbered = |split, rows| number(split, rows, &file.keys.fields);
        let (train, val, test) =
            (numbered(Split::Train, train), numbered(Split::Val, val), numbered(Split::Test, test));
        let digest = digest(&file, &golds, [&train, &val, &test]);
        let findings = findings::find([&train, &val, &test], labels.as_deref(), &file);
        let task = Task {
            name: file.name.unwrap_or_else(|| name.to_owned()),
            instructions: file.instructions.unwrap_or_else(|| load::default_instructions(labels.is_none())),
            labels: labels.unwrap_or_default(),
        };
        let kind = Arc::new(LabelledTask::new(file.metric, file.keys.fields));
        Ok(Self { kind, scorer: file.scorer, task, train, val, test, digest, findings })
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
            fields: self.kind.fields().to_vec(),
            metric: Some(self.kind.metric().spec().clone()).filter(|spec| *spec != MetricSpec::default()),
        }
    }

    /// Whether an answer is any text, and not one of a list of labels.
    pub fn is_open(&self) -> bool {
        self.task.labels.is_empty()
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

/// A task whose answers are labels needs two of them.
fn check_labels(golds: &[String], labels: Option<&[String]>) -> Result<(), String> {
    match (golds, labels) {
        ([label], Some(_)) => {
            Err(format!("every row has the label {label:?}, but a task needs at least two labels"))
        }
        (_, Some([label])) => Err(format!(
            "every row of train has the label {label:?}, but a task needs at least two labels; `labels` in task.toml lists \
             others, or is \"open\""
        )),
        _ => Ok(()),
    }
}

fn number(split: Split, rows: Vec<Row>, fields: &[String]) -> Vec<Example> {
    let rows = rows.into_iter().enumerate();
    rows.map(|(at, row)| {
        let fields = fields.iter().cloned().zip(row.fields);
        let fields = fields.map(|(name, value)| Field { name, value }).collect();
        Example::new(split.example_id(at), Input { text: row.text, fields }, row.gold)
    })
    .collect()
}

/// Of everything that a task and its rows say. What is not said is no part of it.
fn digest(file: &TaskFile, golds: &[String], splits: [&Vec<Example>; 3]) -> Digest {
    let key = KeyBuilder::new("dataset");
    let own = [("name", &file.name), ("instructions", &file.instructions)];
    let own = own.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let key = own.fold(key, |key, (name, text)| key.part(name, text));
    let metric = Some(file.metric.spec()).filter(|spec| **spec != MetricSpec::default());
    let metric = metric.map(|spec| serde_json::to_vec(spec).unwrap_or_default());
    let key = metric.into_iter().fold(key, |key, metric| key.part("metric", metric));
    let key = file.labels.parts().into_iter().fold(key, |key, (name, text)| key.part(name, text));
    let key = golds.iter().fold(key, |key, gold| key.part("label", gold));
    let rows = splits.into_iter().flatten();
    let row_key = |key: KeyBuilder, row: &Example| {
        let key = key.part("id", &row.id).part("input", &row.input.text);
        let fields = row.input.fields.iter();
        let key = fields.fold(key, |key, field| key.part("field", &field.name).part("value", &field.value));
        key.part("gold", &row.gold)
    };
    rows.fold(key, row_key).finish()
}
