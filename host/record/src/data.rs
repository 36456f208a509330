//! What is recorded of a data set: its splits, the columns that were named, and what a careful user should know.

use serde::{Deserialize, Serialize};

use crate::text;

/// A part of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Harnesses learn from it, and proposers read it.
    Train,
    /// Candidates are scored on it while the search goes on.
    Val,
    /// Held out: nobody sees it before the search is over.
    Test,
}

impl Split {
    /// All splits, in the order in which a search uses them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Val, Self::Test];

    /// The name in files, ids and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }

    /// The id of the example at this place in the split, such as `val-0007`.
    pub fn example_id(self, at: usize) -> String {
        format!("{}-{at:04}", self.name())
    }
}

/// `dataset_columns` in `config.json`: the names of columns that the user gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The column or field of the texts. Absent if it was found by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The column or field of the labels. Absent if it was found by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Columns {
    /// Whether the user gave none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One finding, with the examples or names that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFinding {
    /// What was found.
    pub kind: FindingKind,
    /// The splits that it concerns. For an overlap: the split of the first occurrence, then that of the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<String>,
    /// How many examples, or labels, or files.
    pub count: usize,
    /// The first of them: ids of examples, labels, or names of files.
    pub ids: Vec<String>,
    /// The same as a sentence, without the ids.
    pub text: String,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Examples of one split with a text and label that an earlier example of it has.
    Duplicates,
    /// Examples with a text that another example has with another label.
    Contradictions,
    /// Examples with a text that an example of another split has.
    Overlap,
    /// Labels that differ from another one in case, white space, invisible characters or Unicode composition only.
    SimilarLabels,
    /// Examples with a label that no example of `train` has.
    UntrainedLabels,
    /// Examples with an answer that is none of the labels that the task lists.
    UnlistedLabels,
    /// The answers of `train` do not repeat, so the task is open. In older runs: so many labels for the examples of
    /// `train` that they look like open answers.
    ManyLabels,
    /// There are no held-out examples, although the data set should have some.
    EmptyTest,
    /// Data files in the folder that belong to no split.
    UnreadFiles,
    /// A kind that only a later version knows.
    #[serde(other)]
    Other,
}

/// Ids that a finding names.
const MAX_IDS: usize = 10;
const MAX_NAME_CHARS: usize = 60;

impl DataFinding {
    /// A finding about these examples, labels or files.
    pub fn new<'a>(
        kind: FindingKind,
        splits: &[Split],
        about: impl ExactSizeIterator<Item = &'a str>,
        text: String,
    ) -> Self {
        let (count, splits) = (about.len(), splits.iter().map(|split| split.name().to_owned()).collect());
        let ids = about.take(MAX_IDS).map(|id| text::ellipsis(&text::one_line(id), MAX_NAME_CHARS)).collect();
        Self { kind, splits, count, ids, text }
    }

    /// The sentence with the ids, on one line: `1 text of test also stands in val: test-0045`. What it says may be a
    /// stranger's.
    pub fn line(&self) -> String {
        let more = if self.count > self.ids.len() { ", …" } else { "" };
        text::one_line(&format!("{}: {}{more}", self.text, self.ids.join(", ")))
    }

    /// Whether held-out texts were seen in the search.
    pub fn is_about_seen_tests(&self) -> bool {
        self.kind == FindingKind::Overlap
            && self.splits.get(1).is_some_and(|split| split == Split::Test.name())
    }
}
