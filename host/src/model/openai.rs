//! The OpenAI chat completions format, spoken by OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and others.

use serde::{Deserialize, Serialize};
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{
    Block, ChatMessage, ChatReply, ChatRequest, StopReason, ToolSpec, Usage,
    catalog::Thinking,
    wire::{Count, Dialect, Malformed},
};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    /// The limit of the reply's tokens, under the name that the server knows.
    #[serde(flatten)]
    limit: Map<String, Value>,
}

pub fn body(request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
    let profile = &dialect.profile;
    let off = profile.thinking == Thinking::OnByDefault && !dialect.thinks;
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if let Some(system) = &request.system {
        messages.push(to_raw_value(&json!({ "role": "system", "content": system }))?);
    }
    for message in &request.messages {
        wire_message(message, &mut messages)?;
    }
    let body = Body {
        model: &dialect.model,
        messages,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: dialect.forces_tool(request).then_some("required"),
        thinking: off.then(|| json!({ "type": "disabled" })),
        temperature: request.temperature.filter(|_| profile.sampling),
        stop: &request.stop,
        limit: Map::from_iter([(profile.max_tokens_field.clone(), json!(dialect.max_tokens(request)))]),
    };
    serde_json::to_string(&body)
}

fn tool(spec: &ToolSpec) -> Value {
    let function =
        json!({ "name": spec.name, "description": spec.description, "parameters": spec.input_schema });
    json!({ "type": "function", "function": function })
}

/// A message of ours may be several of theirs: each tool result is one.
fn wire_message(message: &ChatMessage, out: &mut Vec<Box<RawValue>>) -> Result<(), serde_json::Error> {
    if let Some(raw) = &message.raw {
        out.push(RawValue::from_string(raw.clone())?);
        return Ok(());
    }
    for block in &message.content {
        if let Block::ToolResult { tool_use_id, content, is_error } = block {
            let content = if *is_error { format!("error: {content}") } else { content.clone() };
            let result = json!({ "role": "tool", "tool_call_id": tool_use_id, "content": content });
            out.push(to_raw_value(&result)?);
        }
    }
    let text = message.plain_text();
    if !text.is_empty() || message.content.is_empty() {
        out.push(to_raw_value(&json!({ "role": message.role, "content": text }))?);
    }
    Ok(())
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    role: Option<String>,
    content: Option<Value>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Option<Details>,
    cost: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
}

pub fn reply(body: &str) -> Result<ChatReply, Malformed> {
    let reply: Reply = serde_json::from_str(body)?;
    let choice = reply.choices.first().ok_or_else(|| Malformed("it has no choices".into()))?;
    let message: Message = serde_json::from_str(choice.message.get())?;
    let refused = message.refusal.as_deref().is_some_and(|words| !words.is_empty());
    let raw = raw(choice.message.get(), message.role.as_deref())?;
    Ok(ChatReply {
        stop_reason: if refused { StopReason::Refusal } else { stop_reason(choice.finish_reason.as_deref()) },
        usage_estimated: reply.usage.is_none(),
        reported_cost_usd: reply.usage.as_ref().and_then(|usage| usage.cost).filter(|cost| *cost >= 0.0),
        usage: reply.usage.map(usage).unwrap_or_default(),
        content: content(message),
        raw: Some(raw),
    })
}

/// The message as it came. One without a role could not be sent back, so it gets the role it has.
fn raw(text: &str, role: Option<&str>) -> Result<String, Malformed> {
    if role.is_some() {
        return Ok(text.to_owned());
    }
    let mut message: Map<String, Value> = serde_json::from_str(text)?;
    message.insert("role".into(), json!("assistant"));
    Ok(Value::Object(message).to_string())
}

fn content(message: Message) -> Vec<Block> {
    let thought = message.reasoning_content.or(message.reasoning).filter(|text| !text.is_empty());
    let mut blocks: Vec<Block> = thought.into_iter().map(|text| Block::Thinking { text }).collect();
    let text = match message.content {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    };
    let text = if text.is_empty() { message.refusal.unwrap_or_default() } else { text };
    if !text.is_empty() {
        blocks.push(Block::Text { text });
    }
    let calls = message.tool_calls.unwrap_or_default().into_iter();
    blocks.extend(calls.map(|call| Block::ToolUse {
        id: call.id,
        name: call.function.name,
        input: arguments(call.function.arguments),
    }));
    blocks
}

/// Arguments are JSON within a string. What is no JSON stays a string, which no tool takes.
fn arguments(given: Value) -> Value {
    match given {
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Value::Null => json!({}),
        other => other,
    }
}

fn stop_reason(reason: Option<&str>) -> StopReason {
    match reason {
        Some("stop") => StopReason::EndTurn,
        Some("length") => StopReason::MaxTokens,
        Some("tool_calls" | "function_call") => StopReason::ToolUse,
        Some("content_filter") => StopReason::Refusal,
        Some(unknown) => StopReason::Other(unknown.to_owned()),
        None => StopReason::Other("none".to_owned()),
    }
}

/// `prompt_tokens` includes what was read from a cache.
fn usage(usage: WireUsage) -> Usage {
    let cached = usage.prompt_tokens_details.unwrap_or_default().cached_tokens.get();
    Usage {
        input_tokens: usage.prompt_tokens.get().saturating_sub(cached),
        output_tokens: usage.completion_tokens.get(),
        cache_read_tokens: cached,
        ..Usage::default()
    }
}
