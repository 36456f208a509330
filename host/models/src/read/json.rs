//! Reads a stranger's JSON field by field, without building a tree. An odd value in one field leaves the others
//! readable.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

/// Largest count of tokens that is believed.
const MAX_COUNT: u64 = 10_000_000_000;

/// Largest cost of one request that is believed, in US dollars.
const MAX_USD: f64 = 1e6;

/// The named fields of an object, as JSON. If a name is repeated, the last field counts; a null counts as missing. The
/// result is `None` if the text is no object.
pub fn fields<'a, const N: usize>(json: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let found = fields_and_nulls(json, names)?;
    Some(found.map(|value| value.filter(|value| *value != "null")))
}

/// The same, except that a null counts as a value.
pub fn fields_and_nulls<'a, const N: usize>(json: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    Deserializer::from_str(json).deserialize_map(Fields { names, found: [None; N] }).ok()
}

/// One field of an object, as [`fields`] finds it.
pub fn field<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    fields(json, [name])?[0]
}

/// Calls `on` with each item of a list. Says whether the text is a list.
pub fn each<'a>(json: &'a str, on: impl FnMut(&'a str)) -> bool {
    Deserializer::from_str(json).deserialize_seq(Each(on)).is_ok()
}

/// The first item of a list.
pub fn first(json: &str) -> Option<&str> {
    let mut first = None;
    each(json, |item| {
        first.get_or_insert(item);
    })
    .then_some(first)
    .flatten()
}

/// The value of a JSON string; nothing if it is none.
pub fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The value of a JSON string, or a number or a boolean as it is written.
pub fn loose_text(json: &str) -> Option<String> {
    text(json).or_else(|| (!json.starts_with(['{', '[']) && json != "null").then(|| json.to_owned()))
}

/// A count of tokens. Some servers write it as a string or a fraction. A negative or absurd number is no count.
pub fn count(json: &str) -> Option<u64> {
    let digits = text(json).map_or(Cow::Borrowed(json), Cow::Owned);
    let digits = digits.trim();
    let fraction = || {
        let number = digits.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)?;
        Some(number.ceil() as u64)
    };
    digits.parse::<u64>().ok().or_else(fraction).filter(|count| *count <= MAX_COUNT)
}

/// An amount of US dollars. A negative or absurd number is no amount.
pub fn dollars(json: &str) -> Option<f64> {
    let amount = text(json).map_or(Cow::Borrowed(json), Cow::Owned).trim().parse::<f64>().ok()?;
    (0.0..=MAX_USD).contains(&amount).then_some(amount)
}

/// An object with some fields replaced or added, or removed if the new value is `None`. All other fields keep their
/// places and are copied byte for byte.
pub fn with_fields(json: &str, changes: &[(&str, Option<String>)]) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let all = |name: String, value: &str| pairs.push((name, value.to_owned()));
    // A text that is no object has no fields to keep.
    let _ = Deserializer::from_str(json).deserialize_map(All(all));
    for (name, value) in changes {
        let place = pairs.iter().position(|(known, _)| known == name);
        match (place, value) {
            (Some(at), Some(value)) => pairs[at].1.clone_from(value),
            (Some(at), None) => drop(pairs.remove(at)),
            (None, Some(value)) => pairs.push(((*name).to_owned(), value.clone())),
            (None, None) => {}
        }
    }
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An upper bound of the number of values in a JSON text, by its punctuation outside of strings.
pub fn values_in(json: &str) -> usize {
    let (mut commas, mut inside, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b',' | b':' | b'[' | b'{' if !inside => commas += 1,
            _ => {}
        }
    }
    commas + 1
}

struct Fields<'a, 'n, const N: usize> {
    names: [&'n str; N],
    found: [Option<&'a str>; N],
}

impl<'de, const N: usize> Visitor<'de> for Fields<'de, '_, N> {
    type Value = [Option<&'de str>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.names.iter().position(|wanted| *wanted == name) {
                Some(at) => self.found[at] = Some(map.next_value::<&RawValue>()?.get()),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.found)
    }
}

struct Each<F>(F);

impl<'de, F: FnMut(&'de str)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            self.0(item.get());
        }
        Ok(())
    }
}

struct All<F>(F);

impl<'de, F: FnMut(String, &'de str)> Visitor<'de> for All<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0(name, map.next_value::<&RawValue>()?.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_counts_and_costs() {
        // JSON, the count, the cost
        let table: [(&str, Option<u64>, Option<f64>); 14] = [
            ("12", Some(12), Some(12.0)),
            ("0", Some(0), Some(0.0)),
            ("-0.0", Some(0), Some(0.0)),
            ("12.2", Some(13), Some(12.2)),
            ("\"12\"", Some(12), Some(12.0)),
            ("\" 1.5e1 \"", Some(15), Some(15.0)),
            ("-3", None, None),
            ("1e30", None, None),
            ("18446744073709551615", None, None),
            ("null", None, None),
            ("true", None, None),
            ("\"many\"", None, None),
            ("\"NaN\"", None, None),
            ("{\"total\":3}", None, None),
        ];
        for (json, tokens, usd) in table {
            assert_eq!((count(json), dollars(json)), (tokens, usd), "{json}");
        }
    }

    #[test]
    fn fields_of_all_kinds_of_objects() {
        // name, JSON, the fields a and b
        let deep = format!("{{\"x\":{}1{},\"a\":2}}", "[".repeat(500), "]".repeat(500));
        type Row<'a> = (&'a str, &'a str, Option<[Option<&'a str>; 2]>);
        let table: [Row; 9] = [
            ("both", r#"{"a":1,"b":"x"}"#, Some([Some("1"), Some("\"x\"")])),
            ("one", r#" {"c":[1,2], "a" : {"b":1} } "#, Some([Some("{\"b\":1}"), None])),
            ("repeated: the last one", r#"{"a":1,"a":2}"#, Some([Some("2"), None])),
            ("null", r#"{"a":null}"#, Some([None, None])),
            ("an escaped name", r#"{"\u0061":1}"#, Some([Some("1"), None])),
            ("deeper than any tree", &deep, Some([Some("2"), None])),
            ("words after it", "{\"a\":1}\n\ndata: [DONE]", Some([Some("1"), None])),
            ("cut off", r#"{"a":1,"b":"#, None),
            ("a list", "[1]", None),
        ];
        for (name, json, expected) in table {
            assert_eq!(fields(json, ["a", "b"]), expected, "{name}");
        }
    }

    #[test]
    fn other_fields_keep_their_letters() {
        let odd = r#"{"n":1.50e3,"id":null,"s":"h\u00e4","x":{"b":1,"a":12345678901234567890}}"#;
        let changed = with_fields(odd, &[("id", Some("\"c\"".into())), ("x", None), ("t", Some("1".into()))]);
        assert_eq!(changed, r#"{"n":1.50e3,"id":"c","s":"h\u00e4","t":1}"#);
        assert_eq!(with_fields("7", &[("id", Some("1".into()))]), r#"{"id":1}"#);
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (json, least) in [("1", 1), ("[1,2,3]", 3), (r#"{"a":"[,,,\",,]"}"#, 1), ("[[],[]]", 3)] {
            assert!((least..least + 3).contains(&values_in(json)), "{json}: {}", values_in(json));
        }
    }
}
