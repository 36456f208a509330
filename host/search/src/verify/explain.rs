//! Says where two values differ: the field, the expected value and the found one. Long texts are cut to the part in which
//! they differ.

use serde_json::Value;

use mmh_record::text;

/// How many characters of a text are shown before and after the first difference.
const BEFORE: usize = 40;
const AFTER: usize = 80;

/// A difference: the field, the expected value and the found one.
pub type Difference = (String, String, String);

/// The differences of two JSON values, in the order of the expected one, at most `most`.
pub fn json(expected: &Value, found: &Value, most: usize) -> Vec<Difference> {
    let mut differences = Vec::new();
    walk(&mut String::new(), Some(expected), Some(found), most, &mut differences);
    differences
}

fn walk(
    path: &mut String,
    expected: Option<&Value>,
    found: Option<&Value>,
    most: usize,
    out: &mut Vec<Difference>,
) {
    if expected == found || out.len() >= most {
        return;
    }
    match (expected, found) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            for name in names {
                let dot = if path.is_empty() { "" } else { "." };
                step(path, &format!("{dot}{name}"), |path| {
                    walk(path, left.get(name), right.get(name), most, out);
                });
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            if left.len() != right.len() {
                let count = |list: &[Value]| format!("{} entries", list.len());
                out.push((path.clone(), count(left), count(right)));
            }
            for at in 0..left.len().min(right.len()) {
                step(path, &format!("[{at}]"), |path| walk(path, left.get(at), right.get(at), most, out));
            }
        }
        (Some(Value::String(left)), Some(Value::String(right))) => {
            let (expected, found) = texts(left, right);
            out.push((path.clone(), expected, found));
        }
        (expected, found) => out.push((path.clone(), shown(expected), shown(found))),
    }
}

/// Visits a child of the value at `path`, and restores the path.
fn step(path: &mut String, name: &str, visit: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(name);
    visit(path);
    path.truncate(length);
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".into(), |value| text::ellipsis(&value.to_string(), BEFORE + AFTER))
}

/// Two different texts, cut to the part in which they differ.
pub fn texts(expected: &str, found: &str) -> (String, String) {
    let pairs = expected.char_indices().zip(found.chars());
    let same = pairs.take_while(|((_, left), right)| left == right).last();
    let at = same.map_or(0, |((at, character), _)| at + character.len_utf8());
    (around(expected, at), around(found, at))
}

/// The part of a text around this place, where a character begins.
fn around(text: &str, at: usize) -> String {
    let start = text[..at].char_indices().rev().take(BEFORE).last().map_or(at, |(start, _)| start);
    let end = text[at..].char_indices().nth(AFTER).map_or(text.len(), |(length, _)| at + length);
    let [before, after] = [start > 0, end < text.len()].map(|is_cut| if is_cut { "…" } else { "" });
    format!("{before}{:?}{after}", &text[start..end])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_the_field() {
        let long = |end: &str| format!("{}{end}", "x".repeat(500));
        // name, expected, found, path, what is expected, what is found
        let table = [
            ("a number", json!({ "a": { "b": 1 } }), json!({ "a": { "b": 2 } }), "a.b", "1", "2"),
            ("a kind", json!({ "a": 1 }), json!({ "a": "1" }), "a", "1", "\"1\""),
            (
                "in a list",
                json!([{ "a": 1 }, { "a": 2 }]),
                json!([{ "a": 1 }, { "a": 3 }]),
                "[1].a",
                "2",
                "3",
            ),
            ("a list's length", json!({ "a": [1, 2] }), json!({ "a": [1] }), "a", "2 entries", "1 entries"),
            ("missing", json!({ "a": 1 }), json!({}), "a", "1", "nothing"),
            ("too much", json!({}), json!({ "a": null }), "a", "nothing", "null"),
            (
                "at the end of a long text",
                json!({ "a": long("one") }),
                json!({ "a": long("two") }),
                "a",
                &format!("…\"{}one\"", "x".repeat(BEFORE)),
                &format!("…\"{}two\"", "x".repeat(BEFORE)),
            ),
        ];
        for (name, expected, found, path, wanted, is) in table {
            assert_eq!(json(&expected, &found, 5), [(path.into(), wanted.into(), is.into())], "{name}");
        }
        assert_eq!(json(&json!([1, 2, 3]), &json!([4, 5, 6]), 2).len(), 2, "no more than were asked for");
    }

    #[test]
    fn texts_that_differ_are_never_shown_the_same() {
        let long = "ä".repeat(1000);
        let table = [
            ("", "a"),
            ("a", ""),
            ("abc", "abd"),
            ("abc", "abcd"),
            (&long, &long[..1000]),
            (&long, &format!("{}ö{}", &long[..500], &long[502..])),
            ("a\u{301}b", "a\u{300}b"),
        ];
        for (left, right) in table {
            let (expected, found) = texts(left, right);
            assert_ne!(expected, found, "{left:?}, {right:?}");
            assert!(expected.chars().count() <= 2 * (BEFORE + AFTER), "{expected}");
        }
    }
}
