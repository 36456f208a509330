//! JSON out of a model's reply: fenced blocks, prose around it, comments and trailing commas.
//!
//! ```
//! use mmh_sdk::json;
//! let reply = "Sure! ```json\n{\"label\": \"flu\", \"sure\": 0.9,} // a guess\n``` Anything else?";
//! assert_eq!(json::extract_str(reply, "label").as_deref(), Some("flu"));
//! ```

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// How many opening brackets are tried before giving up on a text.
const MAX_STARTS: usize = 256;

/// The last JSON object or array in a text. What stands in a fenced block goes before what does not.
///
/// ```
/// use mmh_sdk::{json, serde_json::json};
/// let reply = r#"Not {"label": "cold"}. It is {"label": "flu",}, I think."#;
/// assert_eq!(json::extract(reply), Some(json!({"label": "flu"})));
/// assert_eq!(json::extract("```\n[1, 2]\n``` and not [3]"), Some(json!([1, 2])));
/// assert_eq!(json::extract("It is the flu."), None);
/// ```
pub fn extract(text: &str) -> Option<Value> {
    fenced_blocks(text).into_iter().rev().find_map(last_value).or_else(|| last_value(text))
}

/// The last JSON value in a text, as a type of the caller's.
///
/// ```
/// use mmh_sdk::prelude::*;
/// #[derive(Deserialize)]
/// struct Guess {
///     label: String,
///     sure: f64,
/// }
/// let guess: Guess = json::extract_as(r#"My guess: {"label": "flu", "sure": 0.9}"#)?;
/// assert_eq!((guess.label.as_str(), guess.sure), ("flu", 0.9));
/// assert!(json::extract_as::<Guess>(r#"{"label": "flu"}"#).is_err(), "`sure` is missing");
/// # Ok::<(), Error>(())
/// ```
pub fn extract_as<T: DeserializeOwned>(text: &str) -> Result<T> {
    let value = extract(text).ok_or_else(|| Error::new("there is no JSON object or array in the reply"))?;
    serde_json::from_value(value)
        .map_err(|error| Error::new(format!("the reply's JSON does not fit: {error}")))
}

/// The text of one member of the last JSON object in a text.
///
/// ```
/// use mmh_sdk::json::extract_str;
/// let reply = r#"Here you are: {"label": "flu", "sure": 1}"#;
/// assert_eq!(extract_str(reply, "label").as_deref(), Some("flu"));
/// assert_eq!(extract_str(reply, "sure"), None, "a number is no text");
/// ```
pub fn extract_str(text: &str, key: &str) -> Option<String> {
    extract(text)?.get(key)?.as_str().map(str::to_owned)
}

fn fenced_blocks(text: &str) -> Vec<&str> {
    let mut blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    // A fence that was never closed holds a truncated reply: let the whole text be searched instead.
    if text.matches("```").count() % 2 == 1 {
        blocks.pop();
    }
    blocks
}

/// The last of the outermost values that parse.
fn last_value(text: &str) -> Option<Value> {
    let (mut from, mut found) = (0, None);
    for _ in 0..MAX_STARTS {
        let Some(start) = text[from..].find(['{', '[']).map(|at| from + at) else { break };
        let value = balanced(&text[start..]).and_then(|end| {
            let value = parse(&text[start..start + end])?;
            Some((value, start + end))
        });
        match value {
            Some((value, end)) => (found, from) = (Some(value), end),
            None => from = start + 1,
        }
    }
    found
}

/// The length of the bracketed value that a text starts with.
fn balanced(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&repaired(text))).ok()
}

/// Without `//` comments and without commas before a closing bracket, both outside of strings only.
fn repaired(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '/' if !in_string && rest.peek() == Some(&'/') => {
                while rest.next_if(|&next| next != '\n').is_some() {}
                continue;
            }
            '}' | ']' if !in_string => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn extracts_what_models_write() {
        let table = [
            ("bare", r#"{"a":1}"#, Some(json!({"a":1}))),
            ("fenced", "Sure!\n```json\n{\"a\": 1}\n```\nDone.", Some(json!({"a":1}))),
            ("fence without a language", "```\n[1,2]\n```", Some(json!([1, 2]))),
            ("prose around", r#"I think {"a": "b"} fits."#, Some(json!({"a":"b"}))),
            ("trailing commas", "{\"a\": [1, 2,], }", Some(json!({"a":[1,2]}))),
            ("comment", "{\"a\": 1 // one\n}", Some(json!({"a":1}))),
            ("comment sign in a string", r#"{"a": "http://x,}"}"#, Some(json!({"a":"http://x,}"}))),
            ("brackets in strings", r#"{"a": "}{"}"#, Some(json!({"a":"}{"}))),
            ("the last of two", r#"{"a":1} then {"a":2}"#, Some(json!({"a":2}))),
            ("a fence goes first", "```\n{\"a\":1}\n``` and {\"a\":2}", Some(json!({"a":1}))),
            ("unclosed fence", "```json\n{\"a\": 1}", Some(json!({"a":1}))),
            ("truncated", r#"{"a": [1, 2"#, None),
            ("a set in prose", r#"of {x, y} it is {"a":1}"#, Some(json!({"a":1}))),
            ("nothing", "no json here", None),
        ];
        for (name, text, expected) in table {
            assert_eq!(extract(text), expected, "{name}");
        }
    }

    #[test]
    fn a_wall_of_brackets_ends() {
        assert_eq!(extract(&"{".repeat(100_000)), None);
    }
}
