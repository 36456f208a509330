//! Calls of models and tools as spans, by the conventions for generative AI (`gen_ai.*`).

use mmh_record::{
    chat::{Block, CallError, ChatReply, ChatRequest, ModelError, StopReason, Usage},
    format::CallRow,
};
use serde_json::{Value as Json, json};

use super::{
    span::{Kind, Span, SpanId},
    wire::{Attributes, Value},
};

/// The longest text of an attribute, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// Who is asked, and whether texts are told.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The provider's name.
    pub(super) provider: String,
    /// Whether prompts and replies are told.
    pub(super) texts: bool,
}

/// What every call has: where it belongs, and when it was.
pub(super) struct Placed {
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What came of a call to a model.
pub(super) struct Called<'a> {
    pub(super) model: &'a str,
    pub(super) request: Option<&'a ChatRequest>,
    pub(super) reply: Option<&'a ChatReply>,
    pub(super) usage: &'a Usage,
    pub(super) cost_usd: f64,
    pub(super) cached: bool,
    pub(super) error: Option<(&'static str, &'a str)>,
}

impl<'a> Called<'a> {
    pub(super) fn of(row: &'a CallRow) -> Self {
        let kind = row.failure.as_ref().map_or("error", error_type);
        Self {
            model: &row.model,
            request: Some(&row.request),
            reply: row.reply.as_ref(),
            usage: &row.usage,
            cost_usd: row.cost_usd,
            cached: row.cached,
            error: row.error.as_deref().map(|error| (kind, error)),
        }
    }
}

/// The span of a call to a model.
pub(super) fn chat(asked: &Asked, placed: Placed, call: &Called<'_>) -> Span {
    let mut attributes: Attributes = vec![
        ("gen_ai.operation.name", "chat".into()),
        ("gen_ai.provider.name", asked.provider.as_str().into()),
        ("gen_ai.request.model", call.model.into()),
        ("gen_ai.usage.input_tokens", Value::number(call.usage.total_input_tokens())),
        ("gen_ai.usage.output_tokens", Value::number(call.usage.output_tokens)),
        ("gen_ai.usage.cache_read.input_tokens", Value::number(call.usage.cache_read_tokens)),
        ("mmh.cost_usd", Value::Double(call.cost_usd)),
        ("mmh.cached", Value::Flag(call.cached)),
    ];
    if let Some(request) = call.request {
        attributes.push(("gen_ai.request.max_tokens", Value::Number(request.max_tokens.into())));
        let temperature = request.temperature.map(|it| Value::Double(it.into()));
        attributes.extend(temperature.map(|it| ("gen_ai.request.temperature", it)));
        if !request.stop.is_empty() && asked.texts {
            attributes.push(("gen_ai.request.stop_sequences", Value::Texts(request.stop.clone())));
        }
    }
    if let Some(reply) = call.reply {
        let model = reply.served_by.as_deref().unwrap_or(call.model);
        attributes.push(("gen_ai.response.model", model.into()));
        let reason = finish_reason(&reply.stop_reason).to_owned();
        attributes.push(("gen_ai.response.finish_reasons", Value::Texts(vec![reason])));
    }
    if asked.texts {
        attributes.extend(texts(call));
    }
    attributes.extend(call.error.map(|(kind, _)| ("error.type", kind.into())));
    let error = call.error.map(|(kind, said)| if asked.texts { said.to_owned() } else { kind.to_owned() });
    Span {
        id: placed.id,
        parent: Some(placed.parent),
        name: format!("chat {}", call.model),
        kind: Kind::Client,
        start: placed.start,
        end: placed.end,
        attributes,
        error,
    }
}

/// A tool that the proposer called.
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    pub(super) input: &'a Json,
    pub(super) result: &'a str,
    pub(super) is_error: bool,
}

/// The span of a tool call.
pub(super) fn tool(asked: &Asked, placed: Placed, tool: &Tool<'_>) -> Span {
    let mut attributes: Attributes = vec![
        ("gen_ai.operation.name", "execute_tool".into()),
        ("gen_ai.tool.name", tool.name.into()),
        ("gen_ai.tool.type", "function".into()),
        ("gen_ai.tool.call.id", tool.id.into()),
    ];
    if asked.texts {
        attributes.push(("gen_ai.tool.call.arguments", cut(&tool.input.to_string()).into()));
        attributes.push(("gen_ai.tool.call.result", cut(tool.result).into()));
    }
    if tool.is_error {
        attributes.push(("error.type", "tool_error".into()));
    }
    Span {
        id: placed.id,
        parent: Some(placed.parent),
        name: format!("execute_tool {}", tool.name),
        kind: Kind::Internal,
        start: placed.start,
        end: placed.end,
        attributes,
        error: tool.is_error.then(|| "the tool said that it could not".to_owned()),
    }
}

fn texts(call: &Called<'_>) -> Attributes {
    let mut attributes = Vec::new();
    if let Some(request) = call.request {
        let messages: Vec<Json> = request
            .messages
            .iter()
            .map(|message| json!({ "role": message.role, "parts": parts(&message.content) }))
            .collect();
        attributes.push(("gen_ai.input.messages", cut(&Json::Array(messages).to_string()).into()));
        let system =
            request.system.as_ref().map(|text| json!([{ "type": "text", "content": text }]).to_string());
        attributes.extend(system.map(|system| ("gen_ai.system_instructions", cut(&system).into())));
    }
    if let Some(reply) = call.reply {
        let reason = finish_reason(&reply.stop_reason);
        let said = json!([{ "role": "assistant", "parts": parts(&reply.content), "finish_reason": reason }]);
        attributes.push(("gen_ai.output.messages", cut(&said.to_string()).into()));
    }
    attributes
}

fn parts(content: &[Block]) -> Vec<Json> {
    let part = |block: &Block| match block {
        Block::Text { text } => json!({ "type": "text", "content": text }),
        Block::Thinking { text } => json!({ "type": "reasoning", "content": text }),
        Block::ToolUse { id, name, input } => {
            json!({ "type": "tool_call", "id": id, "name": name, "arguments": input })
        }
        Block::ToolResult { tool_use_id, content, .. } => {
            json!({ "type": "tool_call_response", "id": tool_use_id, "response": content })
        }
        Block::Other { kind } => json!({ "type": kind }),
    };
    content.iter().map(part).collect()
}

/// A text that fits.
pub(super) fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

fn finish_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence => "stop",
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => "length",
        StopReason::ToolUse => "tool_call",
        StopReason::Refusal => "content_filter",
        StopReason::PauseTurn => "pause",
        StopReason::Other(reason) => reason,
    }
}

fn error_type(failure: &CallError) -> &'static str {
    match failure {
        CallError::BudgetSpent => "budget_spent",
        CallError::Model(ModelError::Refused(_)) => "refused",
        CallError::Model(ModelError::Unavailable(_)) => "unavailable",
        CallError::Model(ModelError::Invalid(_)) => "invalid",
        CallError::Model(ModelError::Unusable(_)) => "unusable",
    }
}
