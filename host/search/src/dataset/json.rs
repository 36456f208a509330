//! Reads rows from JSON: objects, one on each line (JSON Lines) or all in an array.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{
    columns::listed,
    rows::{Content, Problem, Raw, Rules},
};

/// The rows of a text. Empty lines are skipped.
pub fn rows(text: &str, rules: Rules<'_>) -> Result<Content, Problem> {
    if text.trim_start().starts_with('[') {
        return array(text, rules);
    }
    let mut content = Content::default();
    for (at, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let added = row(&mut content, line, rules).map_err(|problem| Problem::new(at + 1, problem));
        added.map_err(|problem| whole(text).unwrap_or(problem))?;
    }
    Ok(content)
}

/// The values of the first objects by name, for who wants to know what a file has.
pub fn samples(text: &str, most: usize) -> Vec<Vec<(String, String)>> {
    let items: Vec<&str> = match text.trim_start().starts_with('[') {
        true => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            items.into_iter().map(RawValue::get).collect()
        }
        false => text.split('\n').filter(|line| !line.trim().is_empty()).collect(),
    };
    let objects =
        items.into_iter().take(most).map_while(|item| serde_json::from_str::<Object<'_>>(item).ok());
    objects
        .map(|Object(fields)| fields.into_iter().map(|(key, it)| (key.into_owned(), value_of(it))).collect())
        .collect()
}

/// The rows of a text that is one array.
fn array(text: &str, rules: Rules<'_>) -> Result<Content, Problem> {
    let items: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Problem::new(error.line(), format!("it is not JSON: {error}")))?;
    let (mut line, mut before) = (1, 0);
    let mut content = Content::default();
    for item in items {
        let at = item.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[before..at].bytes().filter(|byte| *byte == b'\n').count();
        before = at;
        row(&mut content, item.get(), rules).map_err(|problem| Problem::new(line, problem))?;
    }
    Ok(content)
}

/// What is wrong with a text that is one object over several lines.
fn whole(text: &str) -> Option<Problem> {
    let object: Object<'_> = serde_json::from_str(text).ok().filter(|_| text.trim().contains('\n'))?;
    let keys: Vec<&str> = object.0.iter().map(|(key, _)| key.as_ref()).collect();
    let problem = "the file is one JSON object over several lines; rows stand in an array, or each on a line";
    Some(Problem::new(1, format!("{problem}; its keys are {}", listed(&keys))))
}

fn row(content: &mut Content, text: &str, rules: Rules<'_>) -> Result<(), String> {
    let Object(fields) =
        serde_json::from_str(text).map_err(|error| match serde_json::from_str::<de::IgnoredAny>(text) {
            Ok(_) if !text.trim_start().starts_with('{') => "it is not a JSON object".to_owned(),
            _ => format!("it is not JSON: {error}"),
        })?;
    let names: Vec<&str> = fields.iter().map(|(key, _)| key.as_ref()).collect();
    let places = rules.keys.choose(&names)?;
    let gold = gold_of(names[places.answer], fields[places.answer].1, rules)?;
    let raw = Raw {
        text: string(names[places.text], fields[places.text].1)?,
        gold: &gold,
        fields: places.fields.iter().map(|at| value_of(fields[*at].1)).collect(),
        instructions: places.instructions.map(|at| string(names[at], fields[at].1)).transpose()?,
    };
    content.add(&names, &places, raw, rules)
}

fn string(key: &str, value: &RawValue) -> Result<String, String> {
    match value.get().starts_with('"') {
        true => serde_json::from_str(value.get()).map_err(|error| format!("it is not JSON: {error}")),
        false => Err(format!("the value of {key:?} is not a string but {}", kind(value))),
    }
}

/// A right answer may be a number or a boolean, and is then taken as it is written: `1` and `1.0` are different labels, and
/// large numbers keep all digits. A list or an object is taken where the metric reads it.
fn gold_of(key: &str, value: &RawValue, rules: Rules<'_>) -> Result<String, String> {
    match value.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => Ok(value.get().to_owned()),
        Some(b'[' | b'{') if rules.metric.reads_json() => Ok(compact(value.get())),
        _ => string(key, value),
    }
}

/// A field's value: a string as it is, any other value as its JSON text.
fn value_of(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| compact(value.get()))
}

/// JSON without white space between its parts. Numbers and texts stay as they are written.
fn compact(json: &str) -> String {
    let (mut in_text, mut is_escaped) = (false, false);
    let kept = json.chars().filter(|character| {
        let is_kept = in_text || !character.is_ascii_whitespace();
        in_text = if *character == '"' && !is_escaped { !in_text } else { in_text };
        is_escaped = in_text && *character == '\\' && !is_escaped;
        is_kept
    });
    kept.collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compacted_as_they_are_written() {
        let table = [
            ("[ 1.0 , 2e5,\n\t\"a  b\" ]", "[1.0,2e5,\"a  b\"]"),
            ("{ \"a b\" : \"\\\" \\\\\" , \"c\" : null }", "{\"a b\":\"\\\" \\\\\",\"c\":null}"),
            ("[ 123456789012345678901234567890 ]", "[123456789012345678901234567890]"),
            ("{}", "{}"),
        ];
        for (json, expected) in table {
            assert_eq!(compact(json), expected);
        }
    }
}
