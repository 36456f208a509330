//! The Anthropic Messages format, spoken by Anthropic, Moonshot and others.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{Dialect, NoAnswer, broke_off, malformed, stop_reason, tokens_in};
use crate::{
    Block, ChatMessage, ChatReply, ChatRequest, ChatRole, ToolSpec, Usage,
    catalog::{Caching, Thinking},
    read::{
        arguments,
        json::{count, each, field, fields, loose_text, text},
    },
    wellformed::wellformed,
};

/// Marks the end of a prefix that the provider should cache.
fn breakpoint() -> Value {
    json!({ "type": "ephemeral" })
}

/// How many messages at the end get a breakpoint: the newest turn is written to the cache, the one before is read.
const CACHED_TURNS: usize = 2;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Value>,
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    /// Some servers stream unless they are told not to.
    stream: bool,
}

#[derive(Serialize)]
struct Message {
    role: ChatRole,
    content: Box<RawValue>,
}

/// The body of a request.
pub fn body(request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
    let cached = caches(request, dialect);
    let thinking = thinking(request, dialect);
    let body = Body {
        model: &dialect.model,
        max_tokens: dialect.max_tokens(request),
        system: request.system.as_deref().map(|text| system(text, cached)),
        messages: messages(&wellformed(&request.messages), cached)?,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: dialect.forces_tool(request).then(|| json!({ "type": "any" })),
        thinking,
        temperature: request.temperature.filter(|_| dialect.profile.sampling),
        stop_sequences: &request.stop,
        stream: false,
    };
    serde_json::to_string(&body)
}

/// Whether a conversation is marked for caching: it continues, the provider caches on request, and the prompt is not
/// shorter than the provider's minimum.
fn caches(request: &ChatRequest, dialect: &Dialect) -> bool {
    let Caching::OnRequest { minimum_tokens } = dialect.profile.caching else { return false };
    let tools: usize = request.tools.iter().map(|tool| tool.description.len()).sum();
    request.continues && tokens_in(request.prompt_text().len() + tools) >= minimum_tokens
}

fn thinking(request: &ChatRequest, dialect: &Dialect) -> Option<Value> {
    let max_tokens = dialect.max_tokens(request);
    match (dialect.profile.thinking, dialect.thinks) {
        (Thinking::OnByDefault, false) => Some(json!({ "type": "disabled" })),
        (Thinking::Adaptive, true) => Some(json!({ "type": "adaptive" })),
        // The budget is part of the reply's tokens and has a floor of its own.
        (Thinking::Budget, true) if max_tokens >= 2048 => {
            Some(json!({ "type": "enabled", "budget_tokens": max_tokens / 2 }))
        }
        _ => None,
    }
}

fn system(text: &str, cached: bool) -> Value {
    match cached {
        true => json!([{ "type": "text", "text": text, "cache_control": breakpoint() }]),
        false => json!(text),
    }
}

fn tool(spec: &ToolSpec) -> Value {
    json!({ "name": spec.name, "description": spec.description, "input_schema": spec.input_schema })
}

fn messages(messages: &[Cow<'_, ChatMessage>], cached: bool) -> Result<Vec<Message>, serde_json::Error> {
    let users = messages.iter().filter(|message| message.role == ChatRole::User).count();
    let mut user = 0;
    let mut wired = Vec::with_capacity(messages.len());
    for message in messages {
        let content = match &message.raw {
            Some(raw) => RawValue::from_string(raw.clone())?,
            None => {
                let mut blocks: Vec<Value> = message.content.iter().filter_map(block).collect();
                user += usize::from(message.role == ChatRole::User);
                let marked = cached && message.role == ChatRole::User && user + CACHED_TURNS > users;
                if let Some(last) = blocks.last_mut().filter(|_| marked) {
                    last["cache_control"] = breakpoint();
                }
                to_raw_value(&blocks)?
            }
        };
        wired.push(Message { role: message.role, content });
    }
    Ok(wired)
}

fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Text { text } => json!({ "type": "text", "text": text }),
        Block::ToolUse { id, name, input } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": input })
        }
        Block::ToolResult { tool_use_id, content, is_error } => {
            json!({ "type": "tool_result", "tool_use_id": tool_use_id, "content": content, "is_error": is_error })
        }
        // Both are sent back in their raw form only.
        Block::Thinking { .. } | Block::Other { .. } => return None,
    })
}

/// Reads the body of a success. Only its text, its tool calls and the reason of its end have to be readable.
pub fn reply(body: &str) -> Result<ChatReply, NoAnswer> {
    let names = ["content", "stop_reason", "usage", "model"];
    let Some([content, stop, usage, model]) = fields(body, names) else {
        return Err(malformed(body, "content"));
    };
    let stop = stop.and_then(text);
    if let Some(failed) = broke_off(stop.as_deref()) {
        return Err(failed);
    }
    let content = content.ok_or_else(|| malformed(body, "content"))?;
    let mut blocks = Vec::new();
    if let Some(text) = text(content) {
        blocks.push(Block::Text { text });
    } else if !each(content, |block| blocks.extend(typed(block))) {
        return Err(NoAnswer::Malformed("its content is neither text nor a list of blocks".into()));
    }
    Ok(ChatReply {
        content: blocks,
        stop_reason: stop_reason(stop.as_deref()),
        usage: usage.map(self::usage).unwrap_or_default(),
        served_by: crate::served_by([model.and_then(loose_text), None]),
        raw: Some(content.to_owned()),
        ..ChatReply::default()
    })
}

/// The typed view of a block, if it is one. A block of an unknown kind keeps its content in the raw view. What a tool
/// call lacks is added when it is sent back (see `wellformed`).
fn typed(block: &str) -> Option<Block> {
    let names = ["type", "text", "thinking", "id", "name", "input"];
    let [kind, said, thought, id, name, input] = fields(block, names)?;
    let words = |json: Option<&str>| json.and_then(text).unwrap_or_default();
    Some(match kind.and_then(text).as_deref() {
        Some("text") => Block::Text { text: words(said) },
        None if said.is_some() => Block::Text { text: words(said) },
        Some("thinking") => Block::Thinking { text: words(thought) },
        Some("tool_use") => Block::ToolUse {
            id: id.and_then(loose_text).unwrap_or_default(),
            name: words(name),
            input: arguments(input),
        },
        kind => Block::Other { kind: kind.unwrap_or("none").to_owned() },
    })
}

/// The reported usage. `input_tokens` excludes cached input; the count of written tokens includes both lifetimes.
fn usage(usage: &str) -> Usage {
    let names = [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
    ];
    let [input, output, read, written, creation] = fields(usage, names).unwrap_or_default();
    let number = |json: Option<&str>| json.and_then(count).unwrap_or(0);
    let hour = number(creation.and_then(|it| field(it, "ephemeral_1h_input_tokens")));
    Usage {
        input_tokens: number(input),
        output_tokens: number(output),
        cache_read_tokens: number(read),
        cache_write_tokens: number(written).saturating_sub(hour),
        cache_write_1h_tokens: hour,
    }
}
