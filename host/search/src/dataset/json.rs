//! Reads rows from JSON: objects, one on each line (JSON Lines) or all in an array.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{
    columns::{choose, listed},
    rows::{Problem, Row, checked},
};
use mmh_record::data::Columns;

/// The rows of a text. Empty lines are skipped.
pub fn rows(text: &str, columns: &Columns) -> Result<Vec<Row>, Problem> {
    if text.trim_start().starts_with('[') {
        return array(text, columns);
    }
    let mut rows = Vec::new();
    for (at, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let found = row(line, columns).map_err(|problem| Problem::new(at + 1, problem));
        rows.push(found.map_err(|problem| whole(text).unwrap_or(problem))?);
    }
    Ok(rows)
}

/// The rows of a text that is one array.
fn array(text: &str, columns: &Columns) -> Result<Vec<Row>, Problem> {
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Problem::new(error.line(), format!("it is not JSON: {error}")))?;
    let (mut line, mut before) = (1, 0);
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let at = item.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[before..at].bytes().filter(|byte| *byte == b'\n').count();
        before = at;
        rows.push(row(item.get(), columns).map_err(|problem| Problem::new(line, problem))?);
    }
    Ok(rows)
}

/// What is wrong with a text that is one object over several lines.
fn whole(text: &str) -> Option<Problem> {
    let object: Object<'_> = serde_json::from_str(text).ok().filter(|_| text.trim().contains('\n'))?;
    let keys: Vec<&str> = object.0.iter().map(|(key, _)| key.as_ref()).collect();
    let problem = "the file is one JSON object over several lines; rows stand in an array, or each on a line";
    Some(Problem::new(1, format!("{problem}; its keys are {}", listed(&keys))))
}

fn row(text: &str, columns: &Columns) -> Result<Row, String> {
    let Object(fields) =
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<de::IgnoredAny>(text) {
            Ok(_) if !text.trim_start().starts_with('{') => "it is not a JSON object".to_owned(),
            _ => format!("it is not JSON: {error}"),
        })?;
    let names: Vec<&str> = fields.iter().map(|(key, _)| key.as_ref()).collect();
    let (text, label) = choose(columns, &names)?;
    let names = (names[text], names[label]);
    checked(names, string(names.0, fields[text].1)?, &label_of(names.1, fields[label].1)?)
}

fn string(key: &str, value: &RawValue) -> Result<String, String> {
    match value.get().starts_with('"') {
        true => serde_json::from_str(value.get()).map_err(|error| format!("it is not JSON: {error}")),
        false => Err(format!("the value of {key:?} is not a string but {}", kind(value))),
    }
}

/// A label may be a number or a boolean, and is then taken as it is written: `1` and `1.0` are different labels, and
/// large numbers keep all digits.
fn label_of(key: &str, value: &RawValue) -> Result<String, String> {
    match value.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(value.get().to_owned()),
        _ => string(key, value),
    }
}

fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// An object with its keys in order. A key that is there twice is kept twice.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> de::Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    fields.push((key, value));
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
