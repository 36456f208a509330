//! The proposer's conversation in brief: what each turn said and did, one row of its transcript after the other.

use serde_json::Value;

use super::{
    data::{Tool, Turn},
    details::thinking,
    usage::Most,
};
use crate::proposals::Counter;
use mmh_record::{chat::Block, format::TranscriptRow, text};

/// Longest brief text: what a tool said, what a turn thought.
const BRIEF_CHARS: usize = 280;

/// The most turns that are kept: more than any proposer has.
const MAX_TURNS: usize = 10_000;

/// What the transcript says so far.
#[derive(Default)]
pub struct Conversation {
    pub turns: Vec<Turn>,
    /// The last source that was submitted.
    pub submitted: Option<String>,
    /// Whether the conversation has ended.
    pub ended: bool,
    /// Counts the trials.
    pub counter: Counter,
    /// Results that were taken out since the last reply.
    trimmed: usize,
}

impl Conversation {
    /// The next row of the transcript.
    pub fn push(&mut self, row: &TranscriptRow, most: &mut Most) {
        most.proposer(row);
        self.counter.push(row);
        match row {
            TranscriptRow::Trimmed { tool_use_ids, .. } => self.trimmed += tool_use_ids.len(),
            TranscriptRow::Reply { step, at, reply, cost_usd, latency_ms, .. } => {
                for block in &reply.content {
                    if let Block::ToolUse { name, input, .. } = block {
                        self.submit(name, input);
                    }
                }
                let trimmed = std::mem::take(&mut self.trimmed);
                self.turn(Turn {
                    step: *step,
                    at: *at,
                    text: brief(&reply.text()),
                    thinking: brief(&thinking(&reply.content)),
                    tools: reply.content.iter().filter_map(tool).collect(),
                    trimmed,
                    input_tokens: reply.usage.total_input_tokens(),
                    output_tokens: reply.usage.output_tokens,
                    cost_usd: *cost_usd,
                    latency_ms: *latency_ms,
                });
            }
            TranscriptRow::Answer { content, .. } => {
                if let Some(turn) = self.turns.last_mut() {
                    content.iter().for_each(|block| answer(&mut turn.tools, block));
                }
            }
            TranscriptRow::ToolCall { step, at, tool, input, result, is_error } => {
                self.submit(tool, input);
                let (says, bytes) = (Some(says(result)), result.len());
                let call = Tool { says, is_error: *is_error, bytes, ..called("", tool, input) };
                self.turn(Turn { tools: vec![call], ..Turn::without_reply(*step, *at) });
            }
            TranscriptRow::End { .. } => self.ended = true,
            TranscriptRow::Start { .. } | TranscriptRow::Control { .. } => {}
        }
    }

    fn turn(&mut self, turn: Turn) {
        if self.turns.len() < MAX_TURNS {
            self.turns.push(turn);
        }
    }

    fn submit(&mut self, tool: &str, input: &Value) {
        if let Some(code) = input["code"].as_str().filter(|_| tool == "write_harness") {
            self.submitted = Some(code.to_owned());
        }
    }
}

fn tool(block: &Block) -> Option<Tool> {
    let Block::ToolUse { id, name, input } = block else { return None };
    Some(called(id, name, input))
}

/// A tool call without its result.
fn called(id: &str, name: &str, input: &Value) -> Tool {
    let arguments = input.as_object().map(|fields| {
        let short = |(name, value): (&String, &Value)| match value.as_str() {
            Some(text) if text.len() > 60 => format!("{name}: {}", text::bytes(text.len() as u64)),
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {}", text::ellipsis(&value.to_string(), 80)),
        };
        fields.iter().map(short).collect::<Vec<_>>().join(", ")
    });
    let arguments = arguments.unwrap_or_else(|| text::ellipsis(&input.to_string(), 80));
    let (id, name) = (id.to_owned(), name.to_owned());
    Tool { id, name, arguments, says: None, is_error: false, bytes: 0 }
}

/// Enters a result into the call that it belongs to.
fn answer(tools: &mut [Tool], block: &Block) {
    let Block::ToolResult { tool_use_id, content, is_error } = block else { return };
    for tool in tools.iter_mut().filter(|tool| tool.id == *tool_use_id) {
        tool.says = Some(says(content));
        tool.is_error = *is_error;
        tool.bytes = content.len();
    }
}

/// A result in brief: of a refusal, why.
fn says(content: &str) -> String {
    let refusal: Option<Value> = serde_json::from_str(content).ok().filter(|it: &Value| it["ok"] == false);
    let told = |refusal: &Value| {
        Some(format!("{}: {}", refusal["reason"].as_str()?, refusal["diagnostics"].as_str()?))
    };
    brief(&refusal.as_ref().and_then(told).unwrap_or_else(|| content.to_owned()))
}

fn brief(text: &str) -> String {
    // The rest of a long text need not be looked at.
    text::ellipsis(&text::capped(text, 8 * BRIEF_CHARS), BRIEF_CHARS)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_that_no_reply_carries_are_turns() {
        let call = |step, tool: &str, input: Value, is_error| {
            let (tool, result, at) = (tool.to_owned(), "what it said".to_owned(), Timestamp::UNIX_EPOCH);
            TranscriptRow::ToolCall { step, at, tool, input, result, is_error }
        };
        let rows = [
            call(1, "write_harness", json!({ "code": "fn main() {}" }), true),
            call(2, "scoreboard", json!("no object"), false),
        ];
        let mut conversation = Conversation::default();
        rows.iter().for_each(|row| conversation.push(row, &mut Most::default()));
        let turns = &conversation.turns;
        let told: Vec<_> = turns.iter().map(|turn| (turn.step, turn.tools.len(), &turn.tools[0])).collect();
        let brief: Vec<_> = told
            .iter()
            .map(|(step, count, tool)| (*step, *count, tool.name.as_str(), tool.is_error))
            .collect();
        assert_eq!(brief, [(1, 1, "write_harness", true), (2, 1, "scoreboard", false)]);
        assert!(
            told.iter().all(|(_, _, tool)| tool.bytes == 12 && tool.says.as_deref() == Some("what it said"))
        );
        assert_eq!(conversation.submitted.as_deref(), Some("fn main() {}"));
    }
}
