//! Finds a data set by name or path.

use std::{fs, io::ErrorKind, path::Path};

use serde::Deserialize;

use super::{Dataset, DatasetError, Split, rows, rows::Row, split};

/// The data set that comes with the program. Every text of it was written for this project.
pub const BUILTIN: &str = "symptoms-mini";

const BUILTIN_INSTRUCTIONS: &str = "A patient describes how they feel. Name the diagnosis that fits best. Each text has exactly one right diagnosis.";

const BUILTIN_SPLITS: [&str; 3] = [
    include_str!("../../data/symptoms-mini/train.jsonl"),
    include_str!("../../data/symptoms-mini/val.jsonl"),
    include_str!("../../data/symptoms-mini/test.jsonl"),
];

/// What a data set without a `task.json` asks for.
const DEFAULT_INSTRUCTIONS: &str = "Read the text and choose the one label that fits it best.";

/// Optional words about a data set in a folder: `task.json`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    name: Option<String>,
    instructions: Option<String>,
}

/// Loads the built-in data set, a folder, or a single file. The seed decides how a single file is split.
pub fn load(name: &str, seed: u64) -> Result<Dataset, DatasetError> {
    if name == BUILTIN {
        return builtin();
    }
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        _ if path.is_dir() => folder(path),
        "jsonl" | "ndjson" => single(path, rows::from_jsonl, seed),
        "csv" => single(path, rows::from_csv, seed),
        _ => Err(DatasetError::Unknown { name: name.to_owned() }),
    }
}

fn builtin() -> Result<Dataset, DatasetError> {
    let parse = |at: usize| rows::from_jsonl(BUILTIN, BUILTIN_SPLITS[at].as_bytes());
    Dataset::assemble(BUILTIN, BUILTIN_INSTRUCTIONS, [parse(0)?, parse(1)?, parse(2)?])
}

fn folder(path: &Path) -> Result<Dataset, DatasetError> {
    let mut splits = [Vec::new(), Vec::new(), Vec::new()];
    for (split, rows) in Split::ALL.into_iter().zip(&mut splits) {
        let file = path.join(format!("{}.jsonl", split.name()));
        match read(&file) {
            Ok(bytes) => *rows = rows::from_jsonl(&file.display().to_string(), &bytes)?,
            // A data set may do without held-out rows; then there is no held-out score.
            Err(DatasetError::Read { source, .. })
                if split == Split::Test && source.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let about = task_file(&path.join("task.json"))?;
    let instructions = about.instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
    Dataset::assemble(&about.name.unwrap_or_else(|| stem(path)), instructions, splits)
}

fn single(
    path: &Path,
    parse: fn(&str, &[u8]) -> Result<Vec<Row>, DatasetError>,
    seed: u64,
) -> Result<Dataset, DatasetError> {
    let rows = parse(&path.display().to_string(), &read(path)?)?;
    Dataset::assemble(&stem(path), DEFAULT_INSTRUCTIONS, split::split(rows, seed))
}

fn task_file(path: &Path) -> Result<TaskFile, DatasetError> {
    match read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| DatasetError::Shape {
            file: path.display().to_string(),
            problem: format!("it needs the optional keys name and instructions: {error}"),
        }),
        Err(DatasetError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(TaskFile::default())
        }
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DatasetError> {
    fs::read(path).map_err(|source| DatasetError::Read { path: path.display().to_string(), source })
}

/// The folder's or file's name without its ending.
fn stem(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy().into_owned())
}
