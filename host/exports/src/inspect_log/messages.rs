//! Conversations as Inspect has them.

use mmh_record::{
    chat::{Block, ChatMessage, ChatRequest, ChatRole, StopReason},
    format::CallRow,
};
use serde_json::{Value, json};

use super::usage;

/// What was asked.
pub(super) fn of_request(request: &ChatRequest) -> Vec<Value> {
    let system = request.system.iter().map(|text| json!({ "role": "system", "content": text }));
    system.chain(request.messages.iter().flat_map(of_message)).collect()
}

/// What was asked and what was answered.
pub(super) fn of_call(call: &CallRow) -> Vec<Value> {
    let mut messages = of_request(&call.request);
    if let Some(reply) = &call.reply {
        messages.push(assistant(&reply.content, Some(&call.model)));
    }
    messages
}

/// What was answered.
pub(super) fn output(call: &CallRow) -> Value {
    let Some(reply) = &call.reply else {
        return json!({ "model": call.model, "choices": [], "completion": "", "error": call.error });
    };
    json!({
        "model": reply.served_by.as_ref().unwrap_or(&call.model),
        "choices": [{ "message": assistant(&reply.content, Some(&call.model)), "stop_reason": stop_reason(&reply.stop_reason) }],
        "completion": reply.text(),
        "usage": usage(&call.usage, call.cost_usd),
        "time": call.latency_ms / 1000.0,
    })
}

fn of_message(message: &ChatMessage) -> Vec<Value> {
    if message.role == ChatRole::Assistant {
        return vec![assistant(&message.content, None)];
    }
    // Results of tools are messages of their own in Inspect.
    let result = |block: &Block| match block {
        Block::ToolResult { tool_use_id, content, is_error } => Some(json!({
            "role": "tool",
            "content": content,
            "tool_call_id": tool_use_id,
            "error": is_error.then(|| json!({ "type": "unknown", "message": content })),
        })),
        _ => None,
    };
    let mut messages: Vec<Value> = message.content.iter().filter_map(result).collect();
    let text = message.plain_text();
    if !text.is_empty() || messages.is_empty() {
        messages.push(json!({ "role": "user", "content": text }));
    }
    messages
}

fn assistant(content: &[Block], model: Option<&str>) -> Value {
    let mut parts = Vec::new();
    let mut tools = Vec::new();
    for block in content {
        match block {
            Block::Text { text } => parts.push(json!({ "type": "text", "text": text })),
            Block::Thinking { text } => parts.push(json!({ "type": "reasoning", "reasoning": text })),
            Block::ToolUse { id, name, input } => {
                let arguments = if input.is_object() { input.clone() } else { json!({ "arguments": input }) };
                tools.push(json!({ "id": id, "function": name, "arguments": arguments, "type": "function" }));
            }
            Block::ToolResult { .. } | Block::Other { .. } => {}
        }
    }
    let mut message = json!({ "role": "assistant", "content": parts, "source": "generate" });
    if !tools.is_empty() {
        message["tool_calls"] = Value::Array(tools);
    }
    if let Some(model) = model {
        message["model"] = json!(model);
    }
    message
}

fn stop_reason(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence => "stop",
        StopReason::MaxTokens => "max_tokens",
        StopReason::ToolUse => "tool_calls",
        StopReason::Refusal => "content_filter",
        StopReason::ModelContextWindowExceeded => "model_length",
        StopReason::PauseTurn | StopReason::Other(_) => "unknown",
    }
}
