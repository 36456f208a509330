//! Rows of text and label out of JSON Lines and CSV. A bad row is an error that names file and line.

use std::collections::HashMap;

use serde_json::Value;

use super::{DatasetError, Split};

/// One labelled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    pub label: String,
}

/// The key pairs that are understood: text first, label second.
const KEYS: [(&str, &str); 4] =
    [("question", "answer"), ("input_text", "output_text"), ("text", "label"), ("input", "label")];

/// Longest text and label of a row.
const MAX_TEXT_BYTES: usize = 64 << 10;
const MAX_LABEL_BYTES: usize = 256;

/// Reads JSON Lines: one object a line. Empty lines are passed over.
pub fn from_jsonl(file: &str, bytes: &[u8]) -> Result<Vec<Row>, DatasetError> {
    let mut rows = Vec::new();
    for (at, line) in without_mark(bytes).split(|&byte| byte == b'\n').enumerate() {
        let problem = |problem: String| DatasetError::Row { file: file.to_owned(), line: at + 1, problem };
        let line = std::str::from_utf8(line).map_err(|_| problem("it is not UTF-8".into()))?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value =
            serde_json::from_str(line).map_err(|error| problem(format!("it is not JSON: {error}")))?;
        rows.push(row_of(&value).map_err(problem)?);
    }
    Ok(rows)
}

fn row_of(value: &Value) -> Result<Row, String> {
    let object = value.as_object().ok_or("it is not a JSON object")?;
    let pair = KEYS.iter().find(|(text, label)| object.contains_key(*text) && object.contains_key(*label));
    let Some((text, label)) = pair else {
        let found: Vec<&str> = object.keys().map(String::as_str).collect();
        return Err(format!("{}; its keys are {}", expected_keys(), found.join(", ")));
    };
    let string = |key: &str| {
        let value = object[key].as_str();
        value.map(str::to_owned).ok_or_else(|| format!("the value of {key:?} is not a string"))
    };
    checked(string(text)?, string(label)?)
}

/// Reads CSV with a header that names one of the key pairs.
pub fn from_csv(file: &str, bytes: &[u8]) -> Result<Vec<Row>, DatasetError> {
    let problem = |line: u64, problem: String| DatasetError::Row {
        file: file.to_owned(),
        line: usize::try_from(line).unwrap_or(usize::MAX),
        problem,
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(without_mark(bytes));
    let headers = reader.headers().map_err(|error| problem(1, error.to_string()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name));
    let pair = KEYS.iter().find_map(|(text, label)| Some((column(text)?, column(label)?)));
    let Some((text, label)) = pair else {
        let found: Vec<&str> = headers.iter().collect();
        return Err(problem(1, format!("{}; the columns are {}", expected_keys(), found.join(", "))));
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            problem(line, format!("it is not CSV: {error}"))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default().to_owned();
        rows.push(checked(field(text), field(label)).map_err(|why| problem(line, why))?);
    }
    Ok(rows)
}

fn expected_keys() -> String {
    let pairs: Vec<String> = KEYS.iter().map(|(text, label)| format!("{text} and {label}")).collect();
    format!("it needs the keys {}", pairs.join(", or "))
}

fn checked(text: String, label: String) -> Result<Row, String> {
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
    if label.is_empty() || label.chars().any(char::is_control) {
        return Err("the label is empty or has control characters".into());
    }
    Ok(Row { text, label })
}

/// Without the byte order mark that some programs put first.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Says which texts stand in two splits: a score on those is no measure.
pub fn overlaps(splits: &[Vec<Row>; 3]) -> Vec<String> {
    let mut first_in: HashMap<&str, Split> = HashMap::new();
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    for (split, rows) in Split::ALL.into_iter().zip(splits) {
        for row in rows {
            let first = *first_in.entry(row.text.trim()).or_insert(split);
            if first != split {
                *counts.entry((first.name(), split.name())).or_default() += 1;
            }
        }
    }
    let mut warnings: Vec<String> = counts
        .into_iter()
        .map(|((first, second), count)| format!("{count} texts of {second} also stand in {first}"))
        .collect();
    warnings.sort();
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<Vec<Row>, DatasetError>;

    #[test]
    fn reads_every_shape() {
        let row = |text: &str, label: &str| Row { text: text.into(), label: label.into() };
        let expected = vec![row("it, \"aches\"", "flu"), row("x", "cold")];
        let table: [(&str, Read); 5] = [
            (
                "question and answer",
                from_jsonl("f", br#"{"question":"it, \"aches\"","answer":"flu"}
{"question":"x","answer":" cold "}
"#),
            ),
            (
                "input_text and output_text, an empty line, a byte order mark",
                from_jsonl(
                    "f",
                    "\u{feff}{\"input_text\":\"it, \\\"aches\\\"\",\"output_text\":\"flu\"}\r\n\n{\"input_text\":\"x\",\"output_text\":\"cold\"}".as_bytes(),
                ),
            ),
            ("text and label", from_jsonl("f", br#"{"text":"it, \"aches\"","label":"flu","n":1}
{"text":"x","label":"cold"}"#)),
            ("csv", from_csv("f", b"label,text\nflu,\"it, \"\"aches\"\"\"\ncold,x\n")),
            ("csv with an index and other case", from_csv("f", b",Label,Text\n0,flu,\"it, \"\"aches\"\"\"\n1,cold,x\n")),
        ];
        for (name, found) in table {
            assert_eq!(found.expect(name), expected, "{name}");
        }
    }

    #[test]
    fn names_file_line_and_problem() {
        let table: [(&str, Read, &str); 8] = [
            (
                "not JSON",
                from_jsonl("t.jsonl", b"{\"text\":\"a\",\"label\":\"b\"}\n{oops"),
                "t.jsonl, line 2: it is not JSON",
            ),
            (
                "other keys",
                from_jsonl("t.jsonl", b"{\"a\":1}"),
                "t.jsonl, line 1: it needs the keys question and answer, or",
            ),
            (
                "not a string",
                from_jsonl("t.jsonl", b"{\"text\":1,\"label\":\"b\"}"),
                "the value of \"text\" is not a string",
            ),
            ("not an object", from_jsonl("t.jsonl", b"[1]"), "line 1: it is not a JSON object"),
            (
                "empty text",
                from_jsonl("t.jsonl", b"{\"text\":\" \",\"label\":\"b\"}"),
                "line 1: the text is empty",
            ),
            ("not UTF-8", from_jsonl("t.jsonl", b"\n\xff\xfe"), "line 2: it is not UTF-8"),
            ("csv without columns", from_csv("t.csv", b"a,b\n1,2\n"), "t.csv, line 1: it needs the keys"),
            (
                "csv with a short row",
                from_csv("t.csv", b"label,text\nflu,a\nflu\n"),
                "t.csv, line 3: it is not CSV",
            ),
        ];
        for (name, found, expected) in table {
            let message = found.expect_err(name).to_string();
            assert!(message.contains(expected), "{name}: {message}");
        }
    }
}
