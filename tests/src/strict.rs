//! What strict servers refuse of a conversation that comes back to them, in both wire formats. By the
//! providers' references, and by vLLM, Mistral's and Anthropic's error messages.

use std::collections::HashSet;

use serde_json::Value;

/// Why a strict OpenAI server refuses a conversation.
pub fn openai_problem(body: &Value) -> Option<String> {
    let (mut ids, mut open) = (HashSet::new(), Vec::new());
    for (at, message) in body["messages"].as_array()?.iter().enumerate() {
        let problem = |what: &str| Some(format!("messages.{at}: {what}: {message}"));
        match message["role"].as_str() {
            Some("assistant") => {
                let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
                if message.get("tool_calls").is_some() && calls.is_empty() {
                    return problem("tool_calls is empty or null");
                }
                let says = message["content"].as_str().is_some_and(|text| !text.is_empty());
                if !says && !message["content"].is_array() && calls.is_empty() {
                    return problem("neither content nor tool_calls");
                }
                for call in calls {
                    let id = call["id"].as_str().unwrap_or_default().to_owned();
                    if id.is_empty() || !ids.insert(id.clone()) {
                        return problem("an id is missing or repeated");
                    }
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    if !serde_json::from_str::<Value>(arguments).is_ok_and(|it| it.is_object()) {
                        return problem("arguments are no object");
                    }
                    if call["type"] != "function"
                        || call["function"]["name"].as_str().is_none_or(str::is_empty)
                    {
                        return problem("a call has no type or no name");
                    }
                    open.push(id);
                }
            }
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(place) = open.iter().position(|it| it == id) else { return problem("no such call") };
                open.remove(place);
            }
            _ if !open.is_empty() => return problem("a call was not answered"),
            Some("system" | "user") if message["content"].as_str().is_some_and(|it| !it.is_empty()) => {}
            _ => return problem("an empty or unknown message"),
        }
    }
    None
}

/// Why a strict Anthropic server does.
pub fn anthropic_problem(body: &Value) -> Option<String> {
    let (mut ids, mut open) = (HashSet::new(), Vec::new());
    for (at, message) in body["messages"].as_array()?.iter().enumerate() {
        let problem = |what: &str| Some(format!("messages.{at}: {what}: {message}"));
        let role = if at % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != role {
            return problem("roles do not alternate");
        }
        if message["content"].as_str().is_some_and(|text| !text.trim().is_empty()) {
            continue;
        }
        let blocks = message["content"].as_array().cloned().unwrap_or_default();
        if blocks.is_empty() {
            return problem("no content");
        }
        let only_thoughts = blocks.iter().all(|block| block["type"] == "thinking");
        if only_thoughts {
            return problem("thoughts only");
        }
        for block in blocks {
            match block["type"].as_str() {
                Some("text") if block["text"].as_str().is_some_and(|it| !it.trim().is_empty()) => {}
                Some("thinking") if block["thinking"].is_string() => {}
                Some("tool_use") => {
                    let id = block["id"].as_str().unwrap_or_default().to_owned();
                    if id.is_empty()
                        || !ids.insert(id.clone())
                        || !block["input"].is_object()
                        || block["name"].as_str().is_none_or(str::is_empty)
                    {
                        return problem("a call is not whole, or its id is repeated");
                    }
                    open.push(id);
                }
                Some("tool_result") => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    let Some(place) = open.iter().position(|it| it == id) else {
                        return problem("no such call");
                    };
                    open.remove(place);
                }
                Some(kind) if !["text", "thinking"].contains(&kind) => {}
                _ => return problem("a block without a type or without content"),
            }
        }
        if role == "user" && !open.is_empty() {
            return problem("a call was not answered");
        }
    }
    None
}
