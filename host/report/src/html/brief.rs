//! JSON of any size in brief: of a long list, the page shows the beginning.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use mmh_record::text;

/// The most entries of a list or an object.
const ENTRIES: usize = 200;

/// The longest text.
const TEXT_BYTES: usize = 16 << 10;

/// A value whose long lists and texts are cut, each with a note of what was left out.
pub struct Brief(pub Value);

mmh_record::recorded!(Brief);

impl<'de> Deserialize<'de> for Brief {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Cut).map(Brief)
    }
}

struct Cut;

impl<'de> Visitor<'de> for Cut {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(text::capped(it, TEXT_BYTES).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (mut kept, mut left_out) = (Vec::new(), 0_u64);
        while kept.len() < ENTRIES {
            match list.next_element::<Brief>()? {
                Some(Brief(value)) => kept.push(value),
                None => return Ok(kept.into()),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            left_out += 1;
        }
        if left_out > 0 {
            kept.push(format!("[cut: {left_out} more]").into());
        }
        Ok(kept.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let (mut kept, mut left_out) = (Map::new(), 0_u64);
        while let Some(name) = fields.next_key::<String>()? {
            if kept.len() < ENTRIES {
                kept.insert(name, fields.next_value::<Brief>()?.0);
            } else {
                fields.next_value::<IgnoredAny>()?;
                left_out += 1;
            }
        }
        if left_out > 0 {
            kept.insert("[cut]".into(), format!("{left_out} more").into());
        }
        Ok(kept.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let list = |length: usize| -> Vec<usize> { (0..length).collect() };
        let mut cut = json!(list(ENTRIES));
        cut.as_array_mut().expect("a list").push("[cut: 49800 more]".into());
        // name, value, what it becomes
        let table = [
            ("a number", json!(-1.5), json!(-1.5)),
            (
                "an object",
                json!({ "a": [true, null, "x"], "b": {} }),
                json!({ "a": [true, null, "x"], "b": {} }),
            ),
            ("a list that fits", json!(list(ENTRIES)), json!(list(ENTRIES))),
            ("a long list", json!({ "passedTests": list(50_000) }), json!({ "passedTests": cut })),
        ];
        for (name, value, expected) in table {
            let Brief(found) = serde_json::from_str(&value.to_string()).expect("JSON");
            assert_eq!(found, expected, "{name}");
        }
    }
}
