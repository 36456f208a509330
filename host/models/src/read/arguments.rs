//! The arguments of a tool call, however a model or its server has wrapped them.

use serde_json::{Value, json};

use super::{
    json::{text, values_in},
    tidy,
};

/// Most values in the arguments of a tool call that are parsed. A text with more is kept as text: as a tree it would
/// take many times its size.
const MAX_ARGUMENT_VALUES: usize = 10_000;

/// Most layers of text around JSON that are taken off.
const MAX_LAYERS: usize = 3;

/// The arguments of a tool call: an object, or text that holds an object as JSON, in up to three layers. Anything else
/// stays the text that came, which no tool takes.
pub fn arguments(given: Option<&str>) -> Value {
    let Some(given) = given else { return json!({}) };
    let mut words = given.to_owned();
    // Some models wrap JSON into JSON into JSON.
    for _ in 0..MAX_LAYERS {
        match text(&words) {
            Some(inner) => words = tidy(&inner).into_owned(),
            None => break,
        }
    }
    if words.trim().is_empty() {
        return json!({});
    }
    let read = (values_in(&words) <= MAX_ARGUMENT_VALUES).then(|| serde_json::from_str(&words).ok());
    read.flatten().unwrap_or(Value::String(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_in_all_their_forms() {
        // name, what the model wrote, what a tool gets
        let table: [(&str, Option<&str>, Value); 12] = [
            ("an object", Some(r#"{"iteration":0}"#), json!({ "iteration": 0 })),
            ("JSON text", Some(r#""{\"iteration\":0}""#), json!({ "iteration": 0 })),
            ("JSON text of JSON text", Some(r#""\"{\\\"iteration\\\":0}\"""#), json!({ "iteration": 0 })),
            ("none", None, json!({})),
            ("an empty text", Some("\"\""), json!({})),
            ("cut off", Some(r#""{\"code\":\"fn ma""#), json!("{\"code\":\"fn ma")),
            ("a list", Some("[1]"), json!([1])),
            ("words", Some("\"no idea\""), json!("no idea")),
            ("half a character within", Some(r#""{\"a\":\"\\ud83d\"}""#), json!({ "a": "\u{fffd}" })),
            ("a bare line end within", Some(r#""{\"a\":\"x\ny\"}""#), json!({ "a": "x\ny" })),
            ("a number", Some("7"), json!(7)),
            ("NaN", Some(r#""{\"a\":NaN}""#), json!({ "a": null })),
        ];
        for (name, given, expected) in table {
            assert_eq!(arguments(given), expected, "{name}");
        }
        let many = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_ARGUMENT_VALUES));
        assert!(arguments(Some(&many)).is_string(), "too many values for a tree");
    }
}
