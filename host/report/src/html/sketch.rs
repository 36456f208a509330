//! Lines of traces and calls without their long texts: of a text, only its size is kept. So a file of any size is read in
//! little memory, and in the time that finding the ends of its texts takes.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use mmh_record::{chat::Usage, grade::Grade, outcome::OutcomeKind};

/// A line of `eval_trace.jsonl`, as far as the page shows it in lists and figures.
#[derive(Deserialize)]
pub struct TraceSketch {
    pub example_id: String,
    pub input: String,
    pub gold_label: String,
    pub predicted_label: Option<String>,
    correct: bool,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    parts: BTreeMap<String, f64>,
    pub latency_ms: f64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub error_kind: OutcomeKind,
    pub fuel: u64,
    pub peak_memory_bytes: u64,
    pub model_calls: u32,
    #[serde(default)]
    pub cached_calls: u32,
    pub prompt_bytes: u64,
    pub logs: LogSize,
    #[serde(default)]
    pub stdout: TextSize,
    #[serde(default)]
    pub stderr: TextSize,
}

mmh_record::recorded!(TraceSketch);

impl TraceSketch {
    pub fn grade(&mut self) -> Grade {
        Grade::recorded(self.correct, self.score, std::mem::take(&mut self.parts))
    }
}

/// A line of `model_calls.jsonl`, as far as limits are concerned.
#[derive(Deserialize)]
pub struct CallSketch {
    pub example_id: String,
    request: RequestSketch,
    pub usage: Usage,
    pub attempts: u32,
}

mmh_record::recorded!(CallSketch);

impl CallSketch {
    /// All text of the request, in bytes, as the limit counts it.
    pub fn prompt_bytes(&self) -> u64 {
        let system = self.request.system.as_ref().map_or(0, |text| text.0);
        let blocks = self.request.messages.iter().flat_map(|message| &message.content);
        blocks.filter(|block| matches!(block.r#type, BlockKind::Text)).fold(system, |sum, it| sum + it.text.0)
    }
}

#[derive(Deserialize)]
struct RequestSketch {
    #[serde(default)]
    system: Option<TextSize>,
    messages: Vec<MessageSketch>,
}

#[derive(Deserialize)]
struct MessageSketch {
    content: Vec<BlockSketch>,
}

#[derive(Deserialize)]
struct BlockSketch {
    r#type: BlockKind,
    #[serde(default)]
    text: TextSize,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BlockKind {
    Text,
    #[serde(other)]
    Other,
}

/// How many bytes a text has. The text itself is not kept.
#[derive(Clone, Copy, Default)]
pub struct TextSize(pub u64);

impl<'de> Deserialize<'de> for TextSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Measure;

        impl Visitor<'_> for Measure {
            type Value = TextSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextSize, E> {
                Ok(TextSize(text.len() as u64))
            }
        }

        deserializer.deserialize_str(Measure)
    }
}

/// How many bytes the messages of a log have together.
#[derive(Clone, Copy, Default)]
pub struct LogSize(pub u64);

impl<'de> Deserialize<'de> for LogSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Log {
            message: TextSize,
        }

        struct Sum;

        impl<'de> Visitor<'de> for Sum {
            type Value = LogSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of notes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut notes: A) -> Result<LogSize, A::Error> {
                let mut sum = 0;
                while let Some(note) = notes.next_element::<Log>()? {
                    sum += note.message.0;
                }
                Ok(LogSize(sum))
            }
        }

        deserializer.deserialize_seq(Sum)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_call_is_measured_as_its_limit_counts() {
        let block = |kind: &str, text: &str| json!({ "type": kind, "text": text });
        let result =
            json!({ "type": "tool_result", "tool_use_id": "1", "content": "long", "is_error": false });
        // name, system, blocks of the messages, bytes
        let table = [
            ("nothing", json!(null), vec![], 0),
            ("a system text", json!("four"), vec![], 4),
            ("texts in several bytes", json!("\u{e9}\n"), vec![vec![block("text", "\u{1f600}")]], 7),
            (
                "several messages",
                json!(null),
                vec![vec![block("text", "ab"); 2], vec![block("text", "c")]],
                5,
            ),
            ("other blocks", json!(null), vec![vec![block("thinking", "abc"), result, block("new", "x")]], 0),
        ];
        for (name, system, messages, bytes) in table {
            let messages: Vec<_> = messages.iter().map(|content| json!({ "content": content })).collect();
            let call = json!({
                "example_id": "val-0000", "request": { "system": system, "messages": messages },
                "usage": { "input_tokens": 1, "output_tokens": 2 }, "attempts": 1,
            });
            assert_eq!(from_value::<CallSketch>(call).expect("a call").prompt_bytes(), bytes, "{name}");
        }
    }
}
