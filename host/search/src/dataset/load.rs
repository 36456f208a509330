//! Finds a data set by name or path.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Dataset, DatasetError,
    columns::listed,
    file::{self, ENDINGS, Format},
    rows::{self, Row},
    split,
};
use mmh_record::data::{Columns, DataFinding, FindingKind, Split};

/// The data set that comes with the program. All its texts were written for this project.
pub const BUILTIN: &str = "symptoms-mini";

const BUILTIN_INSTRUCTIONS: &str = "A patient describes how they feel. Name the diagnosis that fits best. Each text has exactly one right diagnosis.";

const BUILTIN_SPLITS: [&str; 3] = [
    include_str!("../../data/symptoms-mini/train.jsonl"),
    include_str!("../../data/symptoms-mini/val.jsonl"),
    include_str!("../../data/symptoms-mini/test.jsonl"),
];

/// The instructions of a data set without a `task.json`.
const DEFAULT_INSTRUCTIONS: &str = "Read the text and choose the one label that fits it best.";

/// The optional file of a folder with the data set's name and instructions.
const TASK_FILE: &str = "task.json";

/// What a data set says about itself. It is part of the data set's digest; names of files are not.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    pub name: Option<String>,
    pub instructions: Option<String>,
}

/// Where a data set is, and which columns it is read from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// [`BUILTIN`], or the path of a folder or a file.
    pub name: &'a str,
    /// The columns of texts and labels, if they do not have usual names.
    pub columns: &'a Columns,
}

/// Loads a data set whose columns have usual names. See [`Source::load`].
pub fn load(name: &str, seed: u64) -> Result<Dataset, DatasetError> {
    Source { name, columns: &Columns::default() }.load(seed)
}

impl Source<'_> {
    /// Loads the built-in data set, a folder, or a single file. The seed decides how a single file is split.
    pub fn load(&self, seed: u64) -> Result<Dataset, DatasetError> {
        if self.name == BUILTIN {
            return self.builtin();
        }
        let path = Path::new(self.name);
        match format_of(path) {
            _ if path.is_dir() => self.folder(path),
            Some((_, format)) => self.single(path, format, seed),
            None => Err(DatasetError::Unknown { name: self.name.to_owned() }),
        }
    }

    fn builtin(&self) -> Result<Dataset, DatasetError> {
        let parse = |at: usize| rows::read(BUILTIN, BUILTIN_SPLITS[at], Format::Json, self.columns);
        let (name, instructions) = (Some(BUILTIN.to_owned()), Some(BUILTIN_INSTRUCTIONS.to_owned()));
        let splits = [parse(0)?, parse(1)?, parse(2)?];
        Dataset::assemble(BUILTIN, About { name, instructions }, DEFAULT_INSTRUCTIONS, splits)
    }

    fn folder(&self, path: &Path) -> Result<Dataset, DatasetError> {
        let Files { splits: files, unread } = Files::of(path)?;
        let mut splits = [Vec::new(), Vec::new(), Vec::new()];
        let has_test = files[2].is_some();
        for (file, rows) in files.into_iter().zip(&mut splits) {
            if let Some((file, format)) = file {
                *rows = self.rows(&file, format)?;
            }
        }
        let about = task_file(&path.join(TASK_FILE))?;
        let mut dataset = Dataset::assemble(&stem(path), about, DEFAULT_INSTRUCTIONS, splits)?;
        if has_test && dataset.test.is_empty() {
            dataset.findings.push(empty_test("the file of held-out examples has no rows"));
        }
        if !unread.is_empty() {
            let (names, text) =
                (unread.iter().map(String::as_str), "not read, since they are no split".to_owned());
            dataset.findings.push(DataFinding::new(FindingKind::UnreadFiles, &[], names, text));
        }
        Ok(dataset)
    }

    fn single(&self, path: &Path, format: Format, seed: u64) -> Result<Dataset, DatasetError> {
        let rows = self.rows(path, format)?;
        let count = rows.len();
        let splits = split::split(rows, seed);
        if splits.iter().take(2).any(Vec::is_empty) {
            let problem = format!(
                "its {count} rows are too few to be split into train, val and test: it takes 5 texts"
            );
            return Err(DatasetError::Shape { file: path.display().to_string(), problem });
        }
        let mut dataset = Dataset::assemble(&stem(path), About::default(), DEFAULT_INSTRUCTIONS, splits)?;
        if dataset.test.is_empty() {
            dataset
                .findings
                .push(empty_test("few texts stand in many rows, and none is left to be held out"));
        }
        Ok(dataset)
    }

    fn rows(&self, path: &Path, format: Format) -> Result<Vec<Row>, DatasetError> {
        rows::read(&path.display().to_string(), &file::text(path)?, format, self.columns)
    }
}

fn empty_test(why: &str) -> DataFinding {
    let text = format!("{why}, so there is no held-out score");
    DataFinding::new(FindingKind::EmptyTest, &[Split::Test], [Split::Test.name()].into_iter(), text)
}

/// The data files of a folder.
struct Files {
    /// By split. `test` may be missing: then there is no held-out score.
    splits: [Option<(PathBuf, Format)>; 3],
    /// Names of the others, in order.
    unread: Vec<String>,
}

impl Files {
    fn of(folder: &Path) -> Result<Self, DatasetError> {
        let shape = |problem: String| DatasetError::Shape { file: folder.display().to_string(), problem };
        let names = names(folder)?;
        let mut by_split: BTreeMap<Split, Vec<(&String, Format)>> = BTreeMap::new();
        let mut unread = Vec::new();
        for name in names.iter().filter(|name| *name != TASK_FILE) {
            let Some((stem, format)) = file::format_of(name) else { continue };
            match Split::ALL.into_iter().find(|split| split.name().eq_ignore_ascii_case(stem)) {
                Some(split) => by_split.entry(split).or_default().push((name, format)),
                None => unread.push(name.clone()),
            }
        }
        let mut splits = [None, None, None];
        for (split, file) in Split::ALL.into_iter().zip(&mut splits) {
            match by_split.get(&split).map_or(&[][..], Vec::as_slice) {
                [] if split == Split::Test => {}
                [] => return Err(shape(missing(split, &names))),
                [(name, format)] => *file = Some((folder.join(name), *format)),
                [(first, _), (second, _), ..] => {
                    let split = split.name();
                    return Err(shape(format!(
                        "{first} and {second} would both be {split}: keep one of them here"
                    )));
                }
            }
        }
        Ok(Self { splits, unread })
    }
}

fn missing(split: Split, names: &[String]) -> String {
    let name = split.name();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let there = match names.as_slice() {
        [] => "the folder is empty".to_owned(),
        names => format!("the folder has {}", listed(names)),
    };
    format!("there is no file for {name}: its name is {name} with the ending {ENDINGS}; {there}")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let failed = |source| DatasetError::Read { path: folder.display().to_string(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn task_file(path: &Path) -> Result<About, DatasetError> {
    let text = match file::text(path) {
        Ok(text) => text,
        Err(DatasetError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(About::default());
        }
        Err(error) => return Err(error),
    };
    serde_json::from_str(&text).map_err(|error| DatasetError::Shape {
        file: path.display().to_string(),
        problem: format!("it needs the optional keys name and instructions: {error}"),
    })
}

fn format_of(path: &Path) -> Option<(&str, Format)> {
    file::format_of(path.file_name()?.to_str()?)
}

/// The folder's or file's name without its endings.
fn stem(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name =
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_else(|| "data".into());
    match file::format_of(&name) {
        Some((stem, _)) if !path.is_dir() => stem.to_owned(),
        _ => name,
    }
}
