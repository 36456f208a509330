//! The tool calls that are on record from before an interruption. The command is started again from its beginning: a call
//! that equals one of them gets the recorded result, and is neither made nor recorded again. So a command that does the same
//! each time goes on as if there had been no interruption.

use std::sync::{Mutex, PoisonError};

use mmh_search::propose::{DirectCall, history::Answer};
use serde_json::Value;

/// The recorded calls that were not repeated yet.
pub struct Past(Mutex<Vec<DirectCall>>);

impl Past {
    /// These calls, the first one first.
    pub fn new(calls: &[DirectCall]) -> Self {
        Self(Mutex::new(calls.to_vec()))
    }

    /// The recorded result of a call. Each of them is given once, of equal calls the first one first.
    pub fn take(&self, tool: &str, input: &Value) -> Option<Answer> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = calls.iter().position(|call| call.tool == tool && call.input == *input)?;
        Some(calls.remove(at).result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_recorded_call_is_repeated_once() {
        let call = |tool: &str, input: Value, said: &str| DirectCall {
            tool: tool.into(),
            input,
            result: Ok(said.into()),
        };
        let past = Past::new(&[
            call("a", json!({}), "1"),
            call("b", json!({ "x": 1 }), "2"),
            call("a", json!({}), "3"),
        ]);
        // tool, arguments, what is on record
        let table = [
            ("b", json!({ "x": 2 }), None),
            ("b", json!({ "x": 1 }), Some("2")),
            ("b", json!({ "x": 1 }), None),
            ("a", json!({}), Some("1")),
            ("a", json!({}), Some("3")),
            ("a", json!({}), None),
        ];
        for (tool, input, said) in table {
            assert_eq!(past.take(tool, &input), said.map(|it| Ok(it.to_owned())), "{tool} {input}");
        }
    }
}
