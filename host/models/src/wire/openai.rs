//! The OpenAI chat completions format, spoken by OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and others.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::{Dialect, NoAnswer, broke_off, malformed, stop_reason};
use crate::{
    Block, ChatMessage, ChatReply, ChatRequest, ChatRole, StopReason, ToolSpec, Usage,
    api_error::ApiError,
    catalog::Thinking,
    read::{
        arguments,
        json::{count, dollars, each, field, fields, first, loose_text, text},
    },
    wellformed::wellformed,
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
    /// Some servers stream unless they are told not to.
    stream: bool,
    /// The limit of the reply's tokens, under the name that the server knows.
    #[serde(flatten)]
    limit: Map<String, Value>,
}

/// A message of words alone. The fields are in the order that maps have, so kept replies are found again.
#[derive(Serialize)]
struct Words<'a> {
    content: &'a str,
    role: ChatRole,
}

/// The body of a request.
pub fn body(request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
    let profile = &dialect.profile;
    let off = profile.thinking == Thinking::OnByDefault && !dialect.thinks;
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if let Some(system) = &request.system {
        messages.push(to_raw_value(&json!({ "role": "system", "content": system }))?);
    }
    for message in &wellformed(&request.messages) {
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
        stream: false,
        limit: Map::from_iter([(profile.max_tokens_field.clone(), json!(dialect.max_tokens(request)))]),
    };
    serde_json::to_string(&body)
}

fn tool(spec: &ToolSpec) -> Value {
    let function =
        json!({ "name": spec.name, "description": spec.description, "parameters": spec.input_schema });
    json!({ "type": "function", "function": function })
}

/// Adds a message. In this format each tool result is a message of its own.
fn wire_message(message: &ChatMessage, out: &mut Vec<Box<RawValue>>) -> Result<(), serde_json::Error> {
    if let Some(raw) = &message.raw {
        out.push(RawValue::from_string(raw.clone())?);
        return Ok(());
    }
    let mut calls = Vec::new();
    for block in &message.content {
        match block {
            Block::ToolResult { tool_use_id, content, is_error } => {
                let content = if *is_error { format!("error: {content}") } else { content.clone() };
                let result = json!({ "role": "tool", "tool_call_id": tool_use_id, "content": content });
                out.push(to_raw_value(&result)?);
            }
            Block::ToolUse { id, name, input } => {
                let function = json!({ "name": name, "arguments": input.to_string() });
                calls.push(json!({ "id": id, "type": "function", "function": function }));
            }
            Block::Text { .. } | Block::Thinking { .. } | Block::Other { .. } => {}
        }
    }
    let texts = message.content.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    // Most messages are one text, which may be long.
    let said = match texts.as_slice() {
        [text] => Cow::Borrowed(*text),
        texts => Cow::Owned(texts.join("\n\n")),
    };
    if message.role == ChatRole::Assistant && !calls.is_empty() {
        out.push(to_raw_value(&json!({ "role": "assistant", "content": said, "tool_calls": calls }))?);
    } else if !said.is_empty() || message.content.is_empty() {
        out.push(to_raw_value(&Words { content: &said, role: message.role })?);
    }
    Ok(())
}

/// Reads the body of a success. Only its text, its tool calls and the reason of its end have to be readable.
pub fn reply(body: &str, stops: &[String]) -> Result<ChatReply, NoAnswer> {
    let names = ["choices", "usage", "model", "system_fingerprint"];
    let Some([choices, usage, model, fingerprint]) = fields(body, names) else {
        return Err(malformed(body, "choices"));
    };
    let choice = choices.and_then(first).ok_or_else(|| malformed(body, "choices"))?;
    let [message, finish, error] = fields(choice, ["message", "finish_reason", "error"]).unwrap_or_default();
    let finish = finish.and_then(text);
    if error.is_some() && ApiError::in_success(choice).is_some() {
        return Err(NoAnswer::Failed { complaint: ApiError::of(choice), begun: true });
    }
    if let Some(failed) = broke_off(finish.as_deref()) {
        return Err(failed);
    }
    let message = message.filter(|it| it.starts_with('{')).ok_or_else(|| malformed(body, "message"))?;
    let said = content(message);
    let stop_reason = if said.refused { StopReason::Refusal } else { stop_reason(finish.as_deref()) };
    let stop_reason = match stop_reason {
        StopReason::EndTurn if ended_by_stop(choice, &said, stops) => StopReason::StopSequence,
        stop_reason => stop_reason,
    };
    let served_by = [model, fingerprint].map(|it| it.and_then(loose_text));
    Ok(ChatReply {
        content: said.blocks,
        stop_reason,
        usage: usage.map(self::usage).unwrap_or_default(),
        reported_cost_usd: usage.and_then(cost),
        served_by: crate::served_by(served_by),
        raw: Some(message.to_owned()),
        ..ChatReply::default()
    })
}

/// Whether a reply ended at one of these stop sequences, although the format has the same word for that and for a reply that is
/// complete. It can be told of servers that name the sequence beside the reason (vLLM as `stop_reason`, SGLang as `matched_stop`,
/// both a number where a token ended the reply; llama.cpp as `stopping_word`, empty where none did), and of servers that leave the
/// sequence at the end of the text. All others are silent about it: there the reply counts as complete.
fn ended_by_stop(choice: &str, said: &Said, stops: &[String]) -> bool {
    let named = fields(choice, ["stop_reason", "matched_stop", "stopping_word"]).unwrap_or_default();
    let is_asked_for = |word: &str| stops.iter().any(|stop| stop == word);
    let is_named = named.into_iter().flatten().filter_map(text).any(|word| is_asked_for(&word));
    let last = said.blocks.iter().rev().find_map(|block| match block {
        Block::Text { text } => Some(text),
        _ => None,
    });
    is_named || last.is_some_and(|text| stops.iter().any(|stop| !stop.is_empty() && text.ends_with(stop)))
}

struct Said {
    blocks: Vec<Block>,
    /// Whether the model refused, in the field for refusals.
    refused: bool,
}

fn content(message: &str) -> Said {
    let names = ["content", "refusal", "reasoning_content", "reasoning", "tool_calls"];
    let [content, refusal, thought, reasoning, calls] = fields(message, names).unwrap_or_default();
    let words = |json: Option<&str>| json.and_then(text).filter(|text| !text.is_empty());
    let mut blocks = Vec::new();
    blocks.extend(words(thought).or_else(|| words(reasoning)).map(|text| Block::Thinking { text }));
    let refusal = words(refusal);
    let refused = refusal.is_some();
    let text = content.and_then(spoken).filter(|text| !text.is_empty()).or(refusal);
    blocks.extend(text.map(|text| Block::Text { text }));
    if let Some(calls) = calls {
        each(calls, |call| blocks.extend(tool_call(call)));
    }
    Said { blocks, refused }
}

/// The text of a message's content: a string, or a list of parts. A number or a boolean, which some servers send, counts
/// as it is written.
fn spoken(content: &str) -> Option<String> {
    if !content.starts_with('[') {
        return loose_text(content);
    }
    let mut spoken = String::new();
    each(content, |part| {
        let part = if part.starts_with('"') { Some(part) } else { field(part, "text") };
        spoken.push_str(&part.and_then(text).unwrap_or_default());
    });
    Some(spoken)
}

/// A tool call, if the item is one. What it lacks is added when it is sent back (see `wellformed`).
fn tool_call(call: &str) -> Option<Block> {
    let [id, function, name, given] = fields(call, ["id", "function", "name", "arguments"])?;
    let inner = function.and_then(|it| fields(it, ["name", "arguments"])).unwrap_or_default();
    Some(Block::ToolUse {
        id: id.and_then(loose_text).unwrap_or_default(),
        name: inner[0].or(name).and_then(text).unwrap_or_default(),
        input: arguments(inner[1].or(given)),
    })
}

/// The reported usage. `prompt_tokens` includes what was read from a cache.
fn usage(usage: &str) -> Usage {
    let names = ["prompt_tokens", "completion_tokens", "prompt_tokens_details"];
    let [input, output, details] = fields(usage, names).unwrap_or_default();
    let cached = details.and_then(|it| field(it, "cached_tokens")).and_then(count).unwrap_or(0);
    let input = input.and_then(count).unwrap_or(0);
    Usage {
        input_tokens: input.saturating_sub(cached),
        output_tokens: output.and_then(count).unwrap_or(0),
        cache_read_tokens: cached.min(input),
        ..Usage::default()
    }
}

/// The cost of the call by the server, in US dollars: a number, or parts with a total. A router that uses the user's own
/// key reports its fee, and the upstream's price beside it.
fn cost(usage: &str) -> Option<f64> {
    let [cost, details, own_key] = fields(usage, ["cost", "cost_details", "is_byok"])?;
    let total = |parts: &str| {
        let [total, cost] = fields(parts, ["total_cost", "total"])?;
        total.or(cost).and_then(dollars)
    };
    let cost = cost.and_then(|cost| dollars(cost).or_else(|| total(cost)));
    let upstream = details.and_then(|it| field(it, "upstream_inference_cost")).and_then(dollars);
    match (cost, upstream) {
        (Some(fee), Some(upstream)) if own_key == Some("true") => Some(fee + upstream),
        (Some(cost), Some(upstream)) => Some(cost.max(upstream)),
        (cost, upstream) => cost.or(upstream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_a_reply_is_told_where_the_server_says_it() {
        // name, what a choice has besides, the text, the stop sequences, how the reply ended
        let table: [(&str, Value, &str, &[&str], StopReason); 10] = [
            ("silent", json!({}), "flu", &["\n"], StopReason::EndTurn),
            ("vLLM", json!({ "stop_reason": "\n" }), "flu", &["\n"], StopReason::StopSequence),
            ("vLLM, a token", json!({ "stop_reason": 106 }), "flu", &["\n"], StopReason::EndTurn),
            ("vLLM, the end", json!({ "stop_reason": null }), "flu", &["\n"], StopReason::EndTurn),
            ("SGLang", json!({ "matched_stop": "END" }), "flu", &["\n", "END"], StopReason::StopSequence),
            ("SGLang, a token", json!({ "matched_stop": 2 }), "flu", &["2"], StopReason::EndTurn),
            ("llama.cpp", json!({ "stopping_word": "\n" }), "flu", &["\n"], StopReason::StopSequence),
            ("another word", json!({ "stop_reason": "end_turn" }), "flu", &["\n"], StopReason::EndTurn),
            ("left in the text", json!({}), "flu\n", &["\n"], StopReason::StopSequence),
            ("nothing asked for", json!({ "stop_reason": "\n" }), "flu\n", &[], StopReason::EndTurn),
        ];
        for (name, more, text, stops, expected) in table {
            for (finish, expected) in [("stop", expected), ("length", StopReason::MaxTokens)] {
                let mut choice = json!({ "message": { "content": text }, "finish_reason": finish });
                if let (Value::Object(choice), Value::Object(more)) = (&mut choice, more.clone()) {
                    choice.extend(more);
                }
                let body = json!({ "choices": [choice] }).to_string();
                let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
                let reply = reply(&body, &stops).unwrap_or_else(|_| panic!("{name}: it is a reply"));
                assert_eq!(reply.stop_reason, expected, "{name}, {finish}");
            }
        }
    }
}
