//! Texts with right answers, and the rules for a row. A bad row is an error that names file and line; no row is dropped.

use super::{
    DatasetError,
    columns::{Keys, Places},
    file::Format,
    json, table,
};
use crate::metric::Metric;

/// One text with the right answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub text: String,
    pub gold: String,
    /// The values of the task's fields, in their order.
    pub fields: Vec<String>,
}

/// Longest text, field and right answer of a row, in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Longest label, in bytes.
const MAX_LABEL_BYTES: usize = 256;

/// Delimiters of tables, in the order in which they are tried.
const COMMAS: &[u8] = b",;\t|";
const TABS: &[u8] = b"\t,;|";

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

/// How rows are read.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Which names mean what.
    pub keys: &'a Keys,
    /// Reads every right answer, which has to be one that it can read.
    pub metric: &'a Metric,
    /// Whether right answers are labels: short, and on one line.
    pub are_labels: bool,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub rows: Vec<Row>,
    /// The instructions, if they stand in the rows.
    pub instructions: Option<String>,
}

/// The values of a row, before anything is checked.
#[derive(Debug)]
pub struct Raw<'t> {
    pub text: String,
    pub gold: &'t str,
    pub fields: Vec<String>,
    pub instructions: Option<String>,
}

/// The rows of a file's text.
pub fn read(file: &str, text: &str, format: Format, rules: Rules<'_>) -> Result<Content, DatasetError> {
    let content = match format {
        Format::Json => json::rows(text, rules),
        Format::Commas => table::rows(text, COMMAS, rules),
        Format::Tabs => table::rows(text, TABS, rules),
    };
    content.map_err(|Problem { line, problem }| DatasetError::Row { file: file.to_owned(), line, problem })
}

/// The values of a file's first rows by name, before it is known which of them count.
pub fn samples(text: &str, format: Format, most: usize) -> Vec<Vec<(String, String)>> {
    match format {
        Format::Json => json::samples(text, most),
        Format::Commas => table::samples(text, COMMAS, most),
        Format::Tabs => table::samples(text, TABS, most),
    }
}

impl Content {
    /// Adds a row of these values, if they are valid. `names` are all names of the file.
    pub fn add(
        &mut self,
        names: &[&str],
        places: &Places,
        raw: Raw<'_>,
        rules: Rules<'_>,
    ) -> Result<(), String> {
        let Raw { text, gold, fields, instructions } = raw;
        let gold = gold.trim().to_owned();
        if text.trim().is_empty() {
            return Err("the text is empty".into());
        }
        if let Some(long) = [&text].into_iter().chain(&fields).find(|it| it.len() > MAX_TEXT_BYTES) {
            return Err(too_long(if *long == text { "text" } else { "field" }, long.len(), MAX_TEXT_BYTES));
        }
        if (text.trim(), gold.as_str()) == (names[places.text], names[places.answer]) {
            return Err("it repeats the header, as where files were joined; take the line out".into());
        }
        check_gold(&gold, rules)?;
        if let Some(instructions) = instructions {
            self.instruct(instructions.trim())?;
        }
        self.rows.push(Row { text, gold, fields });
        Ok(())
    }

    fn instruct(&mut self, instructions: &str) -> Result<(), String> {
        let first = self.instructions.get_or_insert_with(|| instructions.to_owned());
        match first.as_str() {
            "" => Err("the instructions are empty".into()),
            first if first != instructions => Err(DIFFERENT_INSTRUCTIONS.into()),
            _ => Ok(()),
        }
    }
}

/// A task has the same instructions for all of its examples.
pub const DIFFERENT_INSTRUCTIONS: &str = "its instructions differ from those of the first row; `instructions-field` says the same in every row: what differs is one of `fields`";

fn check_gold(gold: &str, rules: Rules<'_>) -> Result<(), String> {
    let name = if rules.keys.by_file { "answer" } else { "label" };
    if gold.is_empty() {
        return Err(format!("the {name} is empty"));
    }
    if gold.len() > MAX_TEXT_BYTES {
        return Err(too_long(name, gold.len(), MAX_TEXT_BYTES));
    }
    if rules.are_labels {
        check_label(gold)?;
    }
    rules.metric.check_gold(gold).map_err(|why| {
        let shown = mmh_record::text::ellipsis(&mmh_record::text::one_line(gold), 60);
        format!("the metric {} cannot read the answer {shown:?}: {why}", rules.metric.spec().kind.name())
    })
}

/// Whether a text can be a label, and if not, why.
pub fn check_label(label: &str) -> Result<(), String> {
    if label.len() > MAX_LABEL_BYTES {
        return Err(too_long("label", label.len(), MAX_LABEL_BYTES));
    }
    match label.chars().any(char::is_control) {
        true => Err(format!("the label has line ends or other control characters: {label:?}")),
        false => Ok(()),
    }
}

fn too_long(what: &str, bytes: usize, limit: usize) -> String {
    format!("the {what} has {bytes} bytes, more than the limit of {limit}")
}
