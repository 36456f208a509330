//! Labelled texts, and the rules for a row. A bad row is an error that names file and line; no row is dropped.

use super::{DatasetError, file::Format, json, table};
use mmh_record::data::Columns;

/// One labelled text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub text: String,
    pub label: String,
}

/// Longest text and label of a row, in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;
const MAX_LABEL_BYTES: usize = 256;

/// What is wrong with a row, and the line of the file on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub problem: String,
}

impl Problem {
    pub fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// The rows of a file's text.
pub fn read(file: &str, text: &str, format: Format, columns: &Columns) -> Result<Vec<Row>, DatasetError> {
    let rows = match format {
        Format::Json => json::rows(text, columns),
        Format::Commas => table::rows(text, b",;\t|", columns),
        Format::Tabs => table::rows(text, b"\t,;|", columns),
    };
    rows.map_err(|Problem { line, problem }| DatasetError::Row { file: file.to_owned(), line, problem })
}

/// A row of these values, if they are valid. `names` are the names of their columns.
pub fn checked(names: (&str, &str), text: String, label: &str) -> Result<Row, String> {
    let label = label.trim().to_owned();
    let limits = [("text", text.len(), MAX_TEXT_BYTES), ("label", label.len(), MAX_LABEL_BYTES)];
    for (what, size, limit) in limits {
        if size > limit {
            return Err(format!("the {what} has {size} bytes, more than the limit of {limit}"));
        }
    }
    if text.trim().is_empty() {
        return Err("the text is empty".into());
    }
    if label.is_empty() {
        return Err("the label is empty".into());
    }
    if label.chars().any(char::is_control) {
        return Err(format!("the label has line ends or other control characters: {label:?}"));
    }
    if (text.trim(), label.as_str()) == names {
        return Err("it repeats the header, as where files were joined; take the line out".into());
    }
    Ok(Row { text, label })
}
