//! The Anthropic Messages format, spoken by Anthropic, Moonshot and others.

use serde::{Deserialize, Serialize};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    Block, ChatMessage, ChatReply, ChatRequest, ChatRole, StopReason, ToolSpec, Usage,
    catalog::{Caching, Thinking},
    wire::{Count, Dialect, Malformed, tokens_in},
};

/// Marks the end of a prefix that is worth keeping.
fn breakpoint() -> Value {
    json!({ "type": "ephemeral" })
}

/// Messages at the end that get a breakpoint: the newest turn is written, the one before is read.
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
}

#[derive(Serialize)]
struct Message {
    role: ChatRole,
    content: Box<RawValue>,
}

pub fn body(request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
    let cached = caches(request, dialect);
    let thinking = thinking(request, dialect);
    let body = Body {
        model: &dialect.model,
        max_tokens: dialect.max_tokens(request),
        system: request.system.as_deref().map(|text| system(text, cached)),
        messages: messages(&request.messages, cached)?,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: dialect.forces_tool(request).then(|| json!({ "type": "any" })),
        thinking,
        temperature: request.temperature.filter(|_| dialect.profile.sampling),
        stop_sequences: &request.stop,
    };
    serde_json::to_string(&body)
}

/// Whether a conversation is marked for caching: it goes on, the provider caches on request, and the part
/// that stays the same is not below the size from which it does.
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

fn messages(messages: &[ChatMessage], cached: bool) -> Result<Vec<Message>, serde_json::Error> {
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
        // Both are replayed from the raw view only.
        Block::Thinking { .. } | Block::Other { .. } => return None,
    })
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: Option<CacheCreation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Count,
}

pub fn reply(body: &str) -> Result<ChatReply, Malformed> {
    let reply: Reply = serde_json::from_str(body)?;
    let content: Value = serde_json::from_str(reply.content.get())?;
    let content = match content {
        Value::String(text) => vec![Block::Text { text }],
        Value::Array(blocks) => blocks.into_iter().map(typed).collect::<Result<_, _>>()?,
        _ => return Err(Malformed("its content is neither text nor a list of blocks".into())),
    };
    Ok(ChatReply {
        content,
        stop_reason: stop_reason(reply.stop_reason),
        usage_estimated: reply.usage.is_none(),
        usage: reply.usage.map(usage).unwrap_or_default(),
        reported_cost_usd: None,
        raw: Some(reply.content.get().to_owned()),
    })
}

/// The typed view of a block. A kind that is not known stays in the raw view.
fn typed(block: Value) -> Result<Block, Malformed> {
    let text = |field: &str| block[field].as_str().unwrap_or_default().to_owned();
    let needed = |field: &str| match block[field].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(Malformed(format!("a tool_use block has no {field}"))),
    };
    Ok(match block["type"].as_str() {
        Some("text") => Block::Text { text: text("text") },
        Some("thinking") => Block::Thinking { text: text("thinking") },
        Some("tool_use") => {
            Block::ToolUse { id: needed("id")?, name: needed("name")?, input: block["input"].clone() }
        }
        Some(kind) => Block::Other { kind: kind.to_owned() },
        None => return Err(Malformed("a content block has no type".into())),
    })
}

fn stop_reason(reason: Option<String>) -> StopReason {
    match reason.as_deref() {
        Some("end_turn") => StopReason::EndTurn,
        Some("max_tokens") => StopReason::MaxTokens,
        Some("stop_sequence") => StopReason::StopSequence,
        Some("tool_use") => StopReason::ToolUse,
        Some("pause_turn") => StopReason::PauseTurn,
        Some("refusal") => StopReason::Refusal,
        Some("model_context_window_exceeded") => StopReason::ModelContextWindowExceeded,
        Some(unknown) => StopReason::Other(unknown.to_owned()),
        None => StopReason::Other("none".to_owned()),
    }
}

/// `input_tokens` leaves out what was cached; what was written is a total of both kinds.
fn usage(usage: WireUsage) -> Usage {
    let hour = usage.cache_creation.unwrap_or_default().ephemeral_1h_input_tokens.get();
    Usage {
        input_tokens: usage.input_tokens.get(),
        output_tokens: usage.output_tokens.get(),
        cache_read_tokens: usage.cache_read_input_tokens.get(),
        cache_write_tokens: usage.cache_creation_input_tokens.get().saturating_sub(hour),
        cache_write_1h_tokens: hour,
    }
}
