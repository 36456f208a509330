//! Finds a data set by name or path.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    Dataset, DatasetError,
    columns::listed,
    file::{self, ENDINGS, Format},
    rows::{self, Row, Rules},
    split::{self, Shares},
    task_file::{Splits, TASK_FILE, TaskFile},
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

/// The instructions of a task that has none of its own.
const DEFAULT_INSTRUCTIONS: &str = "Read the text and choose the one label that fits it best.";
const DEFAULT_OPEN_INSTRUCTIONS: &str = "Read the text and answer it.";

/// What folders had before they had a `task.toml`.
const FORMER_TASK_FILE: &str = "task.json";

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
    /// Loads the built-in data set, a task's folder, a folder of splits, or a single file. The seed decides how a single
    /// file is split.
    pub fn load(&self, seed: u64) -> Result<Dataset, DatasetError> {
        if self.name == BUILTIN {
            return self.builtin();
        }
        let path = Path::new(self.name);
        let is_task_file = path.file_name().is_some_and(|name| name == TASK_FILE);
        match format_of(path) {
            _ if path.is_dir() => self.folder(path, seed),
            _ if is_task_file && path.is_file() => self.folder(&folder_of(path), seed),
            Some(_) => self.loader(TaskFile::default()).single(path, Shares::default(), stem(path), seed),
            None => Err(DatasetError::Unknown { name: self.name.to_owned() }),
        }
    }

    fn builtin(&self) -> Result<Dataset, DatasetError> {
        let file = TaskFile {
            name: Some(BUILTIN.to_owned()),
            instructions: Some(BUILTIN_INSTRUCTIONS.to_owned()),
            ..TaskFile::default()
        };
        let mut loader = self.loader(file);
        let mut parse = |at: usize| loader.parsed(BUILTIN, BUILTIN_SPLITS[at], Format::Json);
        let splits = [parse(0)?, parse(1)?, parse(2)?];
        Dataset::assemble(BUILTIN, loader.file, splits)
    }

    /// A loader that goes by a task's file, or by the columns of the options.
    fn loader(&self, mut file: TaskFile) -> Loader {
        let Columns { text, label } = self.columns.clone();
        let columns = &mut file.keys.columns;
        (columns.text, columns.label) = (columns.text.take().or(text), columns.label.take().or(label));
        Loader { file }
    }

    fn folder(&self, path: &Path, seed: u64) -> Result<Dataset, DatasetError> {
        let shape = |file: &str, problem: &str| DatasetError::Shape {
            file: path.join(file).display().to_string(),
            problem: problem.to_owned(),
        };
        if path.join(FORMER_TASK_FILE).exists() {
            return Err(shape(
                FORMER_TASK_FILE,
                "name and instructions of a task stand in task.toml now, as name = \"…\" and instructions = \"…\"",
            ));
        }
        if !path.join(TASK_FILE).exists() {
            return self.loader(TaskFile::default()).splits_of(path, &Splits::Usual, stem(path));
        }
        let file = TaskFile::read(path)?;
        let named = &file.keys.columns;
        let is_both = |option: &Option<String>, key: &Option<String>| option.is_some() && key.is_some();
        if is_both(&self.columns.text, &named.text) || is_both(&self.columns.label, &named.label) {
            let problem =
                "it names text and answer, and so do --text-column and --label-column: leave the options out";
            return Err(shape(TASK_FILE, problem));
        }
        let data = file.data.as_ref().map_or_else(|| path.to_owned(), |data| path.join(data));
        let (splits, name) = (file.splits.clone(), stem(path));
        match (splits, format_of(&data)) {
            (Splits::Shares(_), _) if data.is_dir() => {
                Err(shape(TASK_FILE, "`splits` has shares, and `data` is no file that could be divided"))
            }
            (Splits::Files(_), Some(_)) if !data.is_dir() => Err(shape(
                TASK_FILE,
                "`splits` names files, and `data` is one file: name their folder, or shares",
            )),
            (Splits::Shares(shares), Some(_)) => self.loader(file).single(&data, shares, name, seed),
            (Splits::Usual, Some(_)) if !data.is_dir() => {
                self.loader(file).single(&data, Shares::default(), name, seed)
            }
            (splits, _) => self.loader(file).splits_of(&data, &splits, name),
        }
    }
}

/// Reads the rows of a task.
struct Loader {
    file: TaskFile,
}

impl Loader {
    /// A folder with a file for each split.
    fn splits_of(mut self, folder: &Path, splits: &Splits, name: String) -> Result<Dataset, DatasetError> {
        let Files { splits: files, unread } = match splits {
            Splits::Files(names) => Files::named(folder, names)?,
            _ => Files::of(folder)?,
        };
        let mut rows = [Vec::new(), Vec::new(), Vec::new()];
        let has_test = files[2].is_some();
        for (file, rows) in files.into_iter().zip(&mut rows) {
            if let Some((file, format)) = file {
                *rows = self.rows(&file, format)?;
            }
        }
        let mut dataset = Dataset::assemble(&name, self.file, rows)?;
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

    /// One file, which is divided.
    fn single(
        mut self,
        path: &Path,
        shares: Shares,
        name: String,
        seed: u64,
    ) -> Result<Dataset, DatasetError> {
        let Some((_, format)) = format_of(path) else {
            return Err(DatasetError::Unknown { name: path.display().to_string() });
        };
        let rows = self.rows(path, format)?;
        let (count, wants_test) = (rows.len(), shares.train + shares.val < 10_000);
        let splits = split::split(rows, shares, seed);
        if splits.iter().take(2).any(Vec::is_empty) {
            let problem = match shares == Shares::default() {
                true => format!(
                    "its {count} rows are too few to be split into train, val and test: it takes 5 texts"
                ),
                false => format!("its {count} rows are too few for the shares of `splits`"),
            };
            return Err(DatasetError::Shape { file: path.display().to_string(), problem });
        }
        let mut dataset = Dataset::assemble(&name, self.file, splits)?;
        if wants_test && dataset.test.is_empty() {
            dataset
                .findings
                .push(empty_test("few texts stand in many rows, and none is left to be held out"));
        }
        Ok(dataset)
    }

    fn rows(&mut self, path: &Path, format: Format) -> Result<Vec<Row>, DatasetError> {
        self.parsed(&path.display().to_string(), &file::text(path)?, format)
    }

    /// The rows of a text. Instructions in them become the task's.
    fn parsed(&mut self, file: &str, text: &str, format: Format) -> Result<Vec<Row>, DatasetError> {
        let are_labels = self.file.wants_labels();
        let TaskFile { keys, metric, instructions, .. } = &mut self.file;
        let content = rows::read(file, text, format, Rules { keys, metric, are_labels })?;
        if let Some(found) = content.instructions {
            let first = instructions.get_or_insert_with(|| found.clone());
            if *first != found {
                let problem = rows::DIFFERENT_INSTRUCTIONS.to_owned();
                return Err(DatasetError::Row { file: file.to_owned(), line: 1, problem });
            }
        }
        Ok(content.rows)
    }
}

/// The instructions of a task that has none of its own.
pub(super) fn default_instructions(is_open: bool) -> String {
    (if is_open { DEFAULT_OPEN_INSTRUCTIONS } else { DEFAULT_INSTRUCTIONS }).to_owned()
}

/// The folder of a file.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn empty_test(why: &str) -> DataFinding {
    let text = format!("{why}, so there is no held-out score");
    DataFinding::new(FindingKind::EmptyTest, &[Split::Test], [Split::Test.name()].into_iter(), text)
}

/// The data files of a folder.
pub(super) struct Files {
    /// By split. `test` may be missing: then there is no held-out score.
    pub splits: [Option<(PathBuf, Format)>; 3],
    /// Names of the others, in order.
    unread: Vec<String>,
}

impl Files {
    /// The files that a task names.
    fn named(folder: &Path, names: &[Option<String>; 3]) -> Result<Self, DatasetError> {
        let mut splits = [None, None, None];
        for (name, file) in names.iter().zip(&mut splits) {
            let Some(name) = name else { continue };
            let path = folder.join(name);
            let Some((_, format)) = format_of(&path) else {
                return Err(DatasetError::Unknown { name: path.display().to_string() });
            };
            *file = Some((path, format));
        }
        Ok(Self { splits, unread: Vec::new() })
    }

    pub fn of(folder: &Path) -> Result<Self, DatasetError> {
        let shape = |problem: String| DatasetError::Shape { file: folder.display().to_string(), problem };
        let names = names(folder)?;
        let mut by_split: BTreeMap<Split, Vec<(&String, Format)>> = BTreeMap::new();
        let mut unread = Vec::new();
        for name in &names {
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

pub(super) fn format_of(path: &Path) -> Option<(&str, Format)> {
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
