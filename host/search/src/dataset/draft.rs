//! Drafts a `task.toml` for data that has none: looks at its first rows and guesses what is what. A person reads it then.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    DatasetError,
    columns::usual_names,
    file, hints,
    load::{Files, format_of},
    rows,
};
use mmh_record::metric::MetricKind;

/// Rows that are looked at.
const SAMPLES: usize = 2_000;

/// Names that answers have besides the usual ones, and names that are no part of what is asked.
const ANSWERS: [&str; 10] = [
    "target",
    "gold",
    "answer",
    "output",
    "label",
    "solution",
    "class",
    "category",
    "response",
    "completion",
];
const NO_FIELDS: [&str; 4] = ["id", "idx", "index", "split"];

/// Answers of more words than this are graded by their tokens.
const FEW_WORDS: f64 = 3.0;

/// What data looks like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The key of the texts.
    pub text: String,
    /// The key of the right answers.
    pub answer: String,
    /// The key of the instructions, if one says the same in every row.
    pub instructions: Option<String>,
    /// All other keys that may be fields.
    pub others: Vec<String>,
    /// How answers may be graded.
    pub kind: MetricKind,
    /// The keys of answers that are JSON objects.
    pub answer_keys: Vec<String>,
    /// Whether the answers look like labels.
    pub has_labels: bool,
    /// What else the answers suggest, as comments.
    pub hints: Vec<String>,
    /// Whether the data is one file, which has to be divided.
    pub is_one_file: bool,
    /// The files of the data.
    pub files: Vec<PathBuf>,
}

impl Draft {
    /// Looks at a file, or at a folder with files of splits.
    pub fn of(data: &Path) -> Result<Self, DatasetError> {
        let (first, files) = match data.is_dir() {
            true => {
                let files: Vec<PathBuf> =
                    Files::of(data)?.splits.into_iter().flatten().map(|(file, _)| file).collect();
                (files[0].clone(), files)
            }
            false => (data.to_owned(), vec![data.to_owned()]),
        };
        let Some((_, format)) = format_of(&first) else {
            return Err(DatasetError::Unknown { name: first.display().to_string() });
        };
        let samples = rows::samples(&file::text(&first)?, format, SAMPLES);
        let draft = Self::of_rows(&samples)
            .map_err(|problem| DatasetError::Shape { file: first.display().to_string(), problem })?;
        Ok(Self { is_one_file: !data.is_dir(), files, ..draft })
    }

    fn of_rows(rows: &[Vec<(String, String)>]) -> Result<Self, String> {
        let Some(first) = rows.first() else { return Err("it has no rows that can be read".into()) };
        let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
        let columns: BTreeMap<&str, Vec<&str>> =
            names.iter().map(|name| (*name, column(rows, name))).collect();
        let instructions = names.iter().copied().find(|name| is_constant(&columns[name]));
        let others = names.iter().copied().filter(|name| Some(*name) != instructions);
        let (text, answer) = pair(&others.collect::<Vec<_>>(), &columns)?;
        let is_other = |name: &&&str| {
            ![Some(text), Some(answer), instructions].contains(&Some(**name))
                && !NO_FIELDS.contains(&name.to_lowercase().as_str())
        };
        let (kind, has_labels, answer_keys) = metric(&columns[answer]);
        let is_text = matches!(kind, MetricKind::Normalised | MetricKind::TokenF1);
        Ok(Self {
            hints: if is_text { hints::of(&columns[answer]) } else { Vec::new() },
            text: text.to_owned(),
            answer: answer.to_owned(),
            instructions: instructions.map(str::to_owned),
            others: names.iter().filter(is_other).map(|name| (*name).to_owned()).collect(),
            kind,
            answer_keys,
            has_labels,
            ..Self::default()
        })
    }

    /// The text of a `task.toml` for this data, which lies at `data`, seen from the task's folder.
    pub fn toml(&self, name: &str, data: Option<&str>) -> String {
        let mut out = format!(
            "# A task of mmh. `mmh task FOLDER` shows what is understood of it; docs/tasks.md describes every key.\nname = {}\n\n",
            quoted(name)
        );
        out += &match &self.instructions {
            Some(key) => format!("# Says the same in every row.\ninstructions-field = {}\n\n", quoted(key)),
            None => "# What every harness is told to do with a text.\n# instructions = \"Read the text and …\"\n\n".into(),
        };
        out += &format!(
            "# Which keys, or columns, hold the text and the right answer.\ntext = {}\nanswer = {}\n",
            quoted(&self.text),
            quoted(&self.answer)
        );
        if !self.others.is_empty() {
            let names: Vec<String> = self.others.iter().map(|name| quoted(name)).collect();
            out += &format!("# What else an example asks, if it does:\n# fields = [{}]\n", names.join(", "));
        }
        out += &self.labels();
        out += &data_of(data, self.is_one_file);
        out + &self.metric()
    }

    fn labels(&self) -> String {
        let policy = if self.has_labels { "train" } else { "open" };
        format!(
            "\n# \"train\": an answer is one of the answers of train. \"open\": it is any text. A list: it is one of these.\nlabels = \"{policy}\"\n"
        )
    }

    fn metric(&self) -> String {
        let more = match self.kind {
            MetricKind::Json => {
                let keys: Vec<String> = self.answer_keys.iter().map(|key| quoted(key)).collect();
                format!("fields = [{}]\n", keys.join(", "))
            }
            MetricKind::Number => "# tolerance = 0.01\n".into(),
            MetricKind::Set => {
                "# Where a text is cut into members, if it is no JSON array. For one of several right answers, take another\n# kind with several = true.\nseparators = [\",\", \";\"]\n# score = \"f1\"\n".into()
            }
            _ => String::new(),
        };
        let kinds: Vec<&str> = MetricKind::ALL.iter().map(|kind| kind.name()).collect();
        format!(
            "\n# How an answer is compared with the right one: {}.\n[metric]\nkind = \"{}\"\n{more}{}# extract = 'Answer: *(.*)'\n\
             # A program of your own grades what no metric can; in place of the kind: scorer = \"grade.rs\"\n",
            kinds.join(", "),
            self.kind.name(),
            self.hints.iter().map(|line| format!("{line}\n")).collect::<String>()
        )
    }

    /// The names of the files, which stand beside the task's file if they are copied.
    pub fn file_names(&self) -> impl Iterator<Item = (&Path, String)> {
        self.files.iter().map(|file| {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            (file.as_path(), name.unwrap_or_default())
        })
    }
}

fn data_of(data: Option<&str>, is_one_file: bool) -> String {
    let splits = "[splits]\ntrain = 0.6\nval = 0.2\ntest = 0.2\n";
    match (data, is_one_file) {
        (Some(data), true) => format!(
            "\n# One file, whose rows are divided by their content and by --seed.\ndata = {}\n{splits}",
            quoted(data)
        ),
        (Some(data), false) => {
            format!("\n# The folder with the files train, val and test.\ndata = {}\n", quoted(data))
        }
        (None, _) => "\n# The files train, val and test stand beside this file.\n".into(),
    }
}

/// A text of TOML. JSON's form is one, but for a sign that JSON leaves as it is.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default().replace('\u{7f}', "\\u007f")
}

fn column<'r>(rows: &'r [Vec<(String, String)>], name: &str) -> Vec<&'r str> {
    let values = rows.iter().filter_map(|row| row.iter().find(|(other, _)| other == name));
    values.map(|(_, value)| value.as_str()).collect()
}

/// Whether these values are instructions: several words, the same in all of several rows.
fn is_constant(values: &[&str]) -> bool {
    let first = values.first().copied().unwrap_or_default();
    values.len() > 1 && first.chars().count() > 10 && values.iter().all(|value| *value == first)
}

/// The names of text and answer: usual ones, else a name that answers have and the longest texts.
fn pair<'n>(names: &[&'n str], columns: &BTreeMap<&str, Vec<&str>>) -> Result<(&'n str, &'n str), String> {
    if let Some(pair) = usual_names(names) {
        return Ok(pair);
    }
    let known = |name: &&&str| ANSWERS.contains(&name.to_lowercase().as_str());
    let Some(answer) = names.iter().find(known).or(names.last()).copied() else {
        return Err("it has no names of text and answer".into());
    };
    let size = |name: &&&str| columns[**name].iter().map(|value| value.len()).sum::<usize>();
    let text = names.iter().filter(|name| **name != answer).max_by_key(size);
    text.map(|text| (*text, answer)).ok_or_else(|| format!("it has one name only, {answer:?}"))
}

/// The metric that answers look like, whether they look like labels, and their keys if they are objects.
fn metric(answers: &[&str]) -> (MetricKind, bool, Vec<String>) {
    let distinct: BTreeSet<&str> = answers.iter().copied().collect();
    let all = |is: fn(&&str) -> bool| distinct.iter().all(is);
    if all(|it| it.trim_start().starts_with('{')) {
        let keys = distinct.iter().filter_map(|it| serde_json::from_str(it).ok());
        let keys: BTreeSet<String> = keys
            .flat_map(|object: serde_json::Map<String, serde_json::Value>| object.into_iter().map(|it| it.0))
            .collect();
        return (MetricKind::Json, false, keys.into_iter().collect());
    }
    if all(|it| it.trim_start().starts_with('[')) {
        return (MetricKind::Set, false, Vec::new());
    }
    if 2 * distinct.len() <= answers.len() && distinct.iter().all(|it| rows::check_label(it.trim()).is_ok()) {
        return (MetricKind::Exact, true, Vec::new());
    }
    if all(|it| it.trim().replace(',', "").parse::<f64>().is_ok_and(f64::is_finite)) {
        return (MetricKind::Number, false, Vec::new());
    }
    let words: usize = answers.iter().map(|it| it.split_whitespace().count()).sum();
    let kind = if words as f64 > FEW_WORDS * answers.len() as f64 {
        MetricKind::TokenF1
    } else {
        MetricKind::Normalised
    };
    (kind, false, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::task_file::TaskFile;

    #[test]
    fn a_draft_says_what_data_looks_like() {
        let rows = |names: &[&str], values: &[&[&str]]| -> Vec<Vec<(String, String)>> {
            let row = |values: &&[&str]| {
                let pairs = names.iter().zip(values.iter());
                pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
            };
            values.iter().map(row).collect()
        };
        let draft = |text: &str, answer: &str, kind| Draft {
            text: text.into(),
            answer: answer.into(),
            kind,
            ..Draft::default()
        };
        let told = "Name the charge of this case.";
        let table = [
            (
                "labels",
                rows(&["text", "label"], &[&["a", "x"], &["b", "x"], &["c", "y"], &["d", "y"]]),
                Draft { has_labels: true, ..draft("text", "label", MetricKind::Exact) },
            ),
            (
                "instructions and further names",
                rows(
                    &["told", "id", "facts", "lang", "gold"],
                    &[&[told, "1", "long facts", "en", "a"], &[told, "2", "others", "de", "b"]],
                ),
                Draft {
                    instructions: Some("told".into()),
                    others: vec!["lang".into()],
                    ..draft("facts", "gold", MetricKind::Normalised)
                },
            ),
            (
                "numbers",
                rows(&["question", "answer"], &[&["a", "1,200"], &["b", "3.5"]]),
                draft("question", "answer", MetricKind::Number),
            ),
            (
                "long answers",
                rows(&["prompt", "response"], &[&["a", "it is a long answer"], &["b", "and so is this one"]]),
                draft("prompt", "response", MetricKind::TokenF1),
            ),
            (
                "lists",
                rows(&["input", "target"], &[&["a", "[\"x\"]"], &["b", "[\"y\",\"z\"]"]]),
                draft("input", "target", MetricKind::Set),
            ),
            (
                "objects",
                rows(&["text", "answer"], &[&["a", "{\"x\":1}"], &["b", "{\"x\":2,\"y\":3}"]]),
                Draft {
                    answer_keys: vec!["x".into(), "y".into()],
                    ..draft("text", "answer", MetricKind::Json)
                },
            ),
        ];
        for (name, rows, expected) in table {
            let found = Draft::of_rows(&rows).expect(name);
            assert_eq!(found, expected, "{name}");
            for data in [None, Some("a \"b\"\u{7f}\n/c.csv")] {
                let text = Draft { is_one_file: data.is_some(), ..found.clone() }.toml("a \"name\"", data);
                let file = TaskFile::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
                assert_eq!(file.name.as_deref(), Some("a \"name\""), "{name}");
                assert_eq!(file.data.as_deref(), data.map(Path::new), "{name}");
                assert_eq!(file.metric.spec().kind, expected.kind, "{name}");
                assert_eq!(file.keys.columns.label.as_deref(), Some(expected.answer.as_str()), "{name}");
            }
        }
        for (name, rows) in [("nothing", Vec::new()), ("one name", rows(&["text"], &[&["a"], &["b"]]))] {
            assert!(Draft::of_rows(&rows).is_err(), "{name}");
        }
    }
}
