//! What a harness has learned: its state, within bounds, and the train examples that it predicted while learning.

use serde::Serialize;
use serde_json::Value;

use super::{
    brief::Brief,
    details::{Room, Source},
    pieces::{Pieces, Text},
};
use mmh_record::{format::TraceRow, layout};

/// The largest state that is read as JSON.
const JSON_BYTES: u64 = 16 << 20;

/// The most bytes of JSON that the page gets, once its long lists and texts are cut.
const SHOWN_JSON_BYTES: usize = 256 << 10;

/// The most bytes of any other state.
const SHOWN_BYTES: usize = 4 << 10;

/// A state, as far as the page shows it.
#[derive(Debug, Serialize)]
pub struct State {
    bytes: u64,
    /// The state as JSON, long lists and texts cut. None where it is no JSON, or is too large.
    json: Option<Value>,
    /// The first bytes in hexadecimal, where there is no JSON.
    hex: String,
}

impl State {
    /// What an evaluation's folder has. None where nothing was learned.
    pub fn of(source: &Source<'_>, room: &mut Room) -> Option<Self> {
        let path = layout::file(source.folder, layout::STATE);
        let bytes = source.reader.size(&path).filter(|size| *size > 0)?;
        let beginning = source.reader.beginning(&path, JSON_BYTES).ok()?;
        let state = Self::shown(bytes, &beginning);
        let taken = state.json.as_ref().map_or(state.hex.len(), |_| SHOWN_JSON_BYTES.min(beginning.len()));
        room.left = room.left.saturating_sub(taken as u64);
        Some(state)
    }

    /// `beginning` is all of it, unless it is very large.
    fn shown(bytes: u64, beginning: &[u8]) -> Self {
        let json =
            (beginning.len() as u64 == bytes).then(|| serde_json::from_slice(beginning).ok()).flatten();
        let json = json.map(|Brief(value)| value).filter(|it| it.to_string().len() <= SHOWN_JSON_BYTES);
        let hex = match json {
            Some(_) => String::new(),
            None => beginning.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect(),
        };
        Self { bytes, json, hex }
    }
}

/// A train example that was predicted before its answer was learned.
#[derive(Debug, Serialize)]
pub struct Prediction {
    example: String,
    pub(super) input: Text,
    gold: String,
    predicted: Option<String>,
    right: bool,
    score: f64,
    outcome: &'static str,
}

impl Prediction {
    /// What a row has of it.
    pub fn of(pieces: &mut Pieces, row: &TraceRow) -> Self {
        let grade = row.grade();
        Self {
            example: row.example_id.clone(),
            input: pieces.add(&row.input),
            gold: row.gold_label.clone(),
            predicted: row.predicted_label.clone(),
            right: grade.correct,
            score: grade.score,
            outcome: row.error_kind.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_is_json_or_its_first_bytes() {
        let (long, deep) = (vec![7_u8; 2 * SHOWN_BYTES], "[".repeat(100_000));
        // name, state, its JSON, its bytes
        let table: [(&str, &[u8], Option<Value>, usize); 6] = [
            ("an object", b"{\"a\":[1,\"x\"]}", Some(json!({ "a": [1, "x"] })), 0),
            ("a text", b"\"<script>\"", Some(json!("<script>")), 0),
            ("plain text", b"abc", None, 3),
            ("JSON that is cut off", b"{\"a\":", None, 5),
            ("long bytes", &long, None, SHOWN_BYTES),
            ("too deep", deep.as_bytes(), None, SHOWN_BYTES),
        ];
        for (name, state, json, bytes) in table {
            let shown = State::shown(state.len() as u64, state);
            assert_eq!((shown.json, shown.hex.len()), (json, 2 * bytes), "{name}");
        }
        let some = State::shown(1 << 40, b"[1]");
        assert_eq!((some.json, some.hex.as_str()), (None, "5b315d"), "only the beginning was read");
    }
}
