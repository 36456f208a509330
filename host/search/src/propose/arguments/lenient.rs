//! Reads arguments as models mean them: numbers as text or as fractions, JSON within text, one value instead of a list,
//! nulls for missing values. An error names the argument that cannot be read, what was given and what is expected.

use serde_json::{Map, Value};

use mmh_record::text;

/// Most characters of a given value in a message.
const MAX_SHOWN: usize = 60;

/// The arguments in the form of the schema. The error says what is wrong with them.
pub fn fitted(given: Value, schema: &Value) -> Result<Value, String> {
    let mut given = object(given)?;
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // Models write null for missing values.
    given.retain(|name, value| !value.is_null() || required.contains(&name.as_str()));
    if let Some(name) = given.keys().find(|name| !properties.contains_key(*name)) {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let names = if names.is_empty() {
            "it takes none".into()
        } else {
            format!("its arguments are {}", names.join(", "))
        };
        return Err(format!("it has no argument {}; {names}", shown(&Value::from(name.as_str()))));
    }
    if let Some(name) = required.iter().find(|name| given.get(**name).is_none_or(Value::is_null)) {
        return Err(format!("the argument {name} is missing: {} is expected", expected(&properties[*name])));
    }
    for (name, value) in &mut given {
        let wanted = &properties[name];
        match value_of(value.take(), wanted) {
            Ok(read) => *value = read,
            Err(given) => {
                return Err(format!("{name} is {}: {} is expected", shown(&given), expected(wanted)));
            }
        }
    }
    Ok(Value::Object(given))
}

/// An object, or a text that holds one. Nothing counts as an empty object.
fn object(given: Value) -> Result<Map<String, Value>, String> {
    match given {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(format!(
                "an object of JSON is expected as arguments, {} was given",
                shown(&Value::String(text))
            )),
        },
        other => Err(format!("an object of JSON is expected as arguments, {} was given", shown(&other))),
    }
}

/// A value in the form of its schema. The error is the given value.
fn value_of(given: Value, wanted: &Value) -> Result<Value, Value> {
    match wanted["type"].as_str() {
        Some("integer") => integer(&given).ok_or(given),
        Some("boolean") => boolean(&given).ok_or(given),
        Some("string") if wanted["enum"].is_array() => one_of(&given, &wanted["enum"]).ok_or(given),
        Some("string") => match given {
            Value::Number(number) => Ok(Value::String(number.to_string())),
            Value::String(_) => Ok(given),
            other => Err(other),
        },
        Some("array") => list(given, &wanted["items"]),
        _ => Ok(given),
    }
}

/// One of these words, in any case.
fn one_of(given: &Value, words: &Value) -> Option<Value> {
    let given = given.as_str()?.trim().to_lowercase();
    words.as_array()?.iter().find(|word| **word == given.as_str()).cloned()
}

/// A whole number of 0 or more, as a number or a text.
fn integer(given: &Value) -> Option<Value> {
    let text = match given {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    let number = text.parse::<f64>().ok()?;
    let is_whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    is_whole.then(|| Value::from(number as u64))
}

fn boolean(given: &Value) -> Option<Value> {
    let word = match given {
        Value::Bool(_) => return Some(given.clone()),
        Value::String(text) => text.trim().to_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "yes" | "1" => Some(true.into()),
        "false" | "no" | "0" => Some(false.into()),
        _ => None,
    }
}

/// A list, or a text that holds one. A single value counts as a list of one.
fn list(given: Value, items: &Value) -> Result<Value, Value> {
    let parsed = |text: &str| serde_json::from_str(text).ok().filter(Value::is_array);
    let given = match given {
        Value::String(text) => parsed(&text).unwrap_or_else(|| Value::Array(vec![Value::String(text)])),
        Value::Number(_) => Value::Array(vec![given]),
        other => other,
    };
    let Value::Array(values) = given else { return Err(given) };
    let read: Result<Vec<Value>, Value> = values.into_iter().map(|value| value_of(value, items)).collect();
    read.map(Value::Array)
}

fn expected(wanted: &Value) -> String {
    if let Some(words) = wanted["enum"].as_array() {
        return words.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    match wanted["type"].as_str() {
        Some("integer") if wanted["minimum"] == 1 => "a whole number of 1 or more".into(),
        Some("integer") => "a whole number of 0 or more".into(),
        Some("boolean") => "true or false".into(),
        Some("array") => "a list of texts".into(),
        _ => "a text".into(),
    }
}

/// A given value as JSON, shortened.
fn shown(given: &Value) -> String {
    text::ellipsis(&given.to_string(), MAX_SHOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "iteration": { "type": "integer", "minimum": 0 },
                "only_failures": { "type": "boolean" },
                "order": { "type": "string", "enum": ["best", "newest"] },
                "label": { "type": "string" },
                "ids": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["iteration"],
        })
    }

    #[test]
    fn what_is_meant_is_read() {
        let zero = json!({ "iteration": 0 });
        // name, what was given, how it is read
        let table = [
            ("as it should be", zero.clone(), zero.clone()),
            ("a text", json!({ "iteration": "0" }), zero.clone()),
            ("a text with space", json!({ "iteration": " 12 " }), json!({ "iteration": 12 })),
            ("a fraction", json!({ "iteration": 0.0 }), zero.clone()),
            ("less than nothing of nothing", json!({ "iteration": -0.0 }), zero.clone()),
            ("a fraction as text", json!({ "iteration": "3.0" }), json!({ "iteration": 3 })),
            ("JSON in text", json!("{\"iteration\": \"0\"}"), zero.clone()),
            (
                "nulls for what is left out",
                json!({ "iteration": 0, "label": null, "more": null }),
                zero.clone(),
            ),
            (
                "one of some words, in any case",
                json!({ "iteration": 0, "order": " Newest " }),
                json!({ "iteration": 0, "order": "newest" }),
            ),
            (
                "words for switches",
                json!({ "iteration": 0, "only_failures": "False" }),
                json!({ "iteration": 0, "only_failures": false }),
            ),
            (
                "a number as a label",
                json!({ "iteration": 0, "label": 7 }),
                json!({ "iteration": 0, "label": "7" }),
            ),
            (
                "one for a list",
                json!({ "iteration": 0, "ids": "val-0001" }),
                json!({ "iteration": 0, "ids": ["val-0001"] }),
            ),
            (
                "a list in text",
                json!({ "iteration": 0, "ids": "[\"a\", \"b\"]" }),
                json!({ "iteration": 0, "ids": ["a", "b"] }),
            ),
            (
                "numbers in a list",
                json!({ "iteration": 0, "ids": [1, "b"] }),
                json!({ "iteration": 0, "ids": ["1", "b"] }),
            ),
        ];
        for (name, given, expected) in table {
            assert_eq!(fitted(given, &schema()), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let nothing = json!({ "type": "object", "properties": {}, "required": [] });
        for given in [Value::Null, json!({}), json!(""), json!({ "x": null })] {
            assert_eq!(fitted(given.clone(), &nothing), Ok(json!({})), "{given}");
        }
        // what was given, what is said
        let table = [
            (json!({}), "the argument iteration is missing: a whole number of 0 or more is expected"),
            (
                json!({ "iteration": null }),
                "the argument iteration is missing: a whole number of 0 or more is expected",
            ),
            (json!({ "iteration": -1 }), "iteration is -1: a whole number of 0 or more is expected"),
            (json!({ "iteration": 0.5 }), "iteration is 0.5: a whole number of 0 or more is expected"),
            (json!({ "iteration": 1e30 }), "iteration is 1e+30: a whole number of 0 or more is expected"),
            (
                json!({ "iteration": "first" }),
                "iteration is \"first\": a whole number of 0 or more is expected",
            ),
            (json!({ "iteration": [0] }), "iteration is [0]: a whole number of 0 or more is expected"),
            (json!({ "iteration": 0, "only_failures": 7 }), "only_failures is 7: true or false is expected"),
            (json!({ "iteration": 0, "label": {} }), "label is {}: a text is expected"),
            (json!({ "iteration": 0, "ids": {} }), "ids is {}: a list of texts is expected"),
            (
                json!({ "iteration": 0, "path": "x" }),
                "it has no argument \"path\"; its arguments are iteration, only_failures, order, label, ids",
            ),
            (json!([1, 2]), "an object of JSON is expected as arguments, [1,2] was given"),
            (
                json!("{\"iteration\": "),
                "an object of JSON is expected as arguments, \"{\\\"iteration\\\": \" was given",
            ),
        ];
        for (given, says) in table {
            assert_eq!(fitted(given.clone(), &schema()), Err(says.to_owned()), "{given}");
        }
        let long = fitted(json!({ "iteration": "x".repeat(10_000) }), &schema()).expect_err("no number");
        assert!(long.len() < 200, "{long}");
        assert_eq!(
            fitted(json!({ "x": 1 }), &nothing),
            Err("it has no argument \"x\"; it takes none".into())
        );
    }
}
