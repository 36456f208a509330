//! The long texts of one evaluation: prompts, replies, logs, and what the proposer said. The page opens them
//! only when they are asked for.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    collect::Folder,
    lines::{Lines, Table, Text},
};
use crate::{
    model::{Block, ChatRequest, ChatRole},
    record::format::{CallRow, LearnRow, LogRow, TraceRow, TranscriptRow},
};

/// Everything of one evaluation that is long.
#[derive(Debug, Default, Serialize)]
pub struct Details {
    lines: Table,
    rows: Vec<Row>,
    learn: Vec<Batch>,
    transcript: Vec<Said>,
}

/// An example's trace.
#[derive(Debug, Serialize)]
struct Row {
    example: String,
    error: Text,
    logs: Vec<(String, Text)>,
    stdout: Text,
    stderr: Text,
    calls: Vec<Call>,
}

/// A call to the target model.
#[derive(Debug, Serialize)]
struct Call {
    /// Roles with their texts: `system`, `user`, `assistant`.
    messages: Vec<(&'static str, Text)>,
    reply: Text,
    thinking: Text,
    stop_reason: Option<serde_json::Value>,
    error: Text,
    digest: String,
    max_tokens: u32,
    temperature: Option<f32>,
    input_tokens: u64,
    output_tokens: u64,
    cost_usd: f64,
    cached: bool,
    attempts: u32,
    latency_ms: f64,
}

/// What the harness learned from one batch.
#[derive(Debug, Serialize)]
struct Batch {
    batch: usize,
    examples: usize,
    outcome: &'static str,
    error: Text,
    fuel: u64,
    memory: u64,
    state_bytes: u64,
    state_digest: Option<String>,
    logs: Vec<(String, Text)>,
    calls: Vec<Call>,
}

/// A piece of the conversation with the proposer.
#[derive(Debug, Serialize)]
struct Said {
    step: u32,
    /// `told`, `thinking`, `text`, `call`, `result`, `error`, `trimmed` or `end`.
    kind: &'static str,
    /// The tool's name, where there is one.
    name: String,
    text: Text,
}

impl Details {
    pub fn of(read: &Folder) -> Self {
        let mut lines = Lines::default();
        let mut calls: HashMap<&str, Vec<&CallRow>> = HashMap::new();
        for call in &read.calls {
            calls.entry(&call.example_id).or_default().push(call);
        }
        let of = |id: &str| calls.get(id).map(Vec::as_slice).unwrap_or_default();
        let rows = read.rows.iter().map(|it| row(&mut lines, it, of(&it.example_id))).collect();
        let learn = read
            .learn
            .iter()
            .map(|it| batch(&mut lines, it, of(&format!("learn-{:04}", it.batch))))
            .collect();
        let transcript = transcript(&mut lines, &read.transcript);
        Self { lines: lines.into_table(), rows, learn, transcript }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.learn.is_empty() && self.transcript.is_empty()
    }
}

fn row(lines: &mut Lines, row: &TraceRow, calls: &[&CallRow]) -> Row {
    Row {
        example: row.example_id.clone(),
        error: lines.add(row.error.as_deref().unwrap_or_default()),
        logs: logs(lines, &row.logs),
        stdout: lines.add(&row.stdout),
        stderr: lines.add(&row.stderr),
        calls: calls.iter().map(|it| call(lines, it)).collect(),
    }
}

fn batch(lines: &mut Lines, row: &LearnRow, calls: &[&CallRow]) -> Batch {
    Batch {
        batch: row.batch,
        examples: row.n_examples,
        outcome: row.error_kind.name(),
        error: lines.add(row.error.as_deref().unwrap_or_default()),
        fuel: row.fuel,
        memory: row.peak_memory_bytes,
        state_bytes: row.state_bytes,
        state_digest: row.state_digest.map(|digest| digest.to_string()),
        logs: logs(lines, &row.logs),
        calls: calls.iter().map(|it| call(lines, it)).collect(),
    }
}

fn logs(lines: &mut Lines, logs: &[LogRow]) -> Vec<(String, Text)> {
    logs.iter().map(|log| (log.level.clone(), lines.add(&log.message))).collect()
}

fn call(lines: &mut Lines, row: &CallRow) -> Call {
    let reply = row.reply.as_ref();
    let thoughts = reply.map(|reply| thinking(&reply.content)).unwrap_or_default();
    Call {
        messages: messages(lines, &row.request),
        reply: lines.add(&reply.map(|reply| reply.text()).unwrap_or_default()),
        thinking: lines.add(&thoughts),
        stop_reason: reply.and_then(|reply| serde_json::to_value(&reply.stop_reason).ok()),
        error: lines.add(row.error.as_deref().unwrap_or_default()),
        digest: row.request_digest.to_string(),
        max_tokens: row.request.max_tokens,
        temperature: row.request.temperature,
        input_tokens: row.usage.total_input_tokens(),
        output_tokens: row.usage.output_tokens,
        cost_usd: row.cost_usd,
        cached: row.cached,
        attempts: row.attempts,
        latency_ms: row.latency_ms,
    }
}

fn messages(lines: &mut Lines, request: &ChatRequest) -> Vec<(&'static str, Text)> {
    let system = request.system.iter().map(|text| ("system", text.clone()));
    let messages = request.messages.iter().map(|message| match message.role {
        ChatRole::User => ("user", message.plain_text()),
        ChatRole::Assistant => ("assistant", message.plain_text()),
    });
    system.chain(messages).map(|(role, text)| (role, lines.add(&text))).collect()
}

/// All thoughts, joined.
pub fn thinking(blocks: &[Block]) -> String {
    let thoughts = blocks.iter().filter_map(|block| match block {
        Block::Thinking { text } => Some(text.as_str()),
        _ => None,
    });
    thoughts.collect::<Vec<_>>().join("\n")
}

fn transcript(lines: &mut Lines, rows: &[TranscriptRow]) -> Vec<Said> {
    let mut said = Vec::new();
    let mut tools: HashMap<&str, &str> = HashMap::new();
    for row in rows {
        match row {
            TranscriptRow::Start { request, .. } => {
                for (role, text) in messages(lines, request) {
                    said.push(Said { step: 0, kind: "told", name: role.to_owned(), text });
                }
            }
            TranscriptRow::Reply { step, reply, .. } => {
                for block in &reply.content {
                    if let Block::ToolUse { id, name, .. } = block {
                        tools.insert(id, name);
                    }
                    said.extend(piece(lines, *step, block, &tools));
                }
            }
            TranscriptRow::Answer { step, content, .. } => {
                said.extend(content.iter().filter_map(|block| piece(lines, *step, block, &tools)).map(
                    |it| match it.kind {
                        "text" => Said { kind: "told", name: "user".into(), ..it },
                        _ => it,
                    },
                ));
            }
            TranscriptRow::Trimmed { step, tool_use_ids } => {
                let text = lines.add(&format!(
                    "{} results of earlier turns were taken out of the conversation",
                    tool_use_ids.len()
                ));
                said.push(Said { step: *step, kind: "trimmed", name: String::new(), text });
            }
            TranscriptRow::End { outcome, .. } => {
                said.push(Said { step: 0, kind: "end", name: String::new(), text: lines.add(outcome) });
            }
        }
    }
    said
}

fn piece(lines: &mut Lines, step: u32, block: &Block, tools: &HashMap<&str, &str>) -> Option<Said> {
    let (kind, name, text) = match block {
        Block::Text { text } => ("text", "", text.clone()),
        Block::Thinking { text } => ("thinking", "", text.clone()),
        Block::ToolUse { name, input, .. } => ("call", name.as_str(), arguments(input)),
        Block::ToolResult { tool_use_id, content, is_error } => {
            let name = tools.get(tool_use_id.as_str()).copied().unwrap_or_default();
            (if *is_error { "error" } else { "result" }, name, content.clone())
        }
        Block::Other { .. } => return None,
    };
    Some(Said { step, kind, name: name.to_owned(), text: lines.add(&text) })
}

/// A tool's arguments, with texts of several lines as such.
fn arguments(input: &serde_json::Value) -> String {
    let Some(fields) = input.as_object() else { return input.to_string() };
    let field = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
        Some(text) if text.contains('\n') => format!("{name}:\n{text}"),
        _ => format!("{name}: {value}"),
    };
    fields.iter().map(field).collect::<Vec<_>>().join("\n")
}
