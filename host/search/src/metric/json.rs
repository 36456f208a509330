//! Compares fields of JSON objects.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Compared, normalise::Normaliser, number::Numbers};

/// Compares these fields; each is a part of the grade. Right if all are the same.
pub(super) fn compare(
    gold: &str,
    answer: &str,
    fields: &[String],
    same: &dyn Fn(&Value, &Value) -> bool,
) -> Compared {
    let (gold, found) = (object(gold).unwrap_or_default(), object(answer).unwrap_or_default());
    let is_same =
        |field: &String| gold.get(field).zip(found.get(field)).is_some_and(|(gold, it)| same(gold, it));
    let parts: BTreeMap<String, f64> =
        fields.iter().map(|field| (field.clone(), if is_same(field) { 1.0 } else { 0.0 })).collect();
    Compared { correct: parts.values().all(|part| *part == 1.0), parts }
}

/// The mean of all parts.
pub(super) fn mean(parts: &BTreeMap<String, f64>) -> f64 {
    parts.values().sum::<f64>() / parts.len().max(1) as f64
}

/// Whether a right answer has all fields.
pub(super) fn check(gold: &str, fields: &[String]) -> Result<(), String> {
    let Some(gold) = object(gold) else { return Err("it is no JSON object".into()) };
    match fields.iter().find(|field| !gold.contains_key(*field)) {
        Some(field) => Err(format!("it has no field {field:?}, which the metric compares")),
        None => Ok(()),
    }
}

/// Whether two values are the same: numbers by the tolerance, texts after the steps, and a text with a number by how the
/// number is written.
pub(super) fn same(gold: &Value, found: &Value, numbers: &Numbers, normaliser: &Normaliser) -> bool {
    let each = |(gold, found): (&Value, &Value)| same(gold, found, numbers, normaliser);
    match (gold, found) {
        (Value::Number(gold), Value::Number(found)) => {
            gold.as_f64().zip(found.as_f64()).is_some_and(|(gold, found)| numbers.are_close(gold, found))
        }
        (Value::Array(gold), Value::Array(found)) => {
            gold.len() == found.len() && gold.iter().zip(found).all(each)
        }
        (Value::Object(gold), Value::Object(found)) => {
            let pairs = gold.iter().map(|(key, value)| Some((value, found.get(key)?)));
            gold.len() == found.len() && pairs.into_iter().all(|pair| pair.is_some_and(each))
        }
        (Value::String(_), _) | (_, Value::String(_)) => text(gold)
            .zip(text(found))
            .is_some_and(|(gold, found)| normaliser.of(&gold) == normaliser.of(&found)),
        _ => gold == found,
    }
}

/// The text of a value that is no list and no object.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        _ => None,
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}
