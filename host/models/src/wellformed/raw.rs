//! Mends the raw form of what a model said, in either wire format. It changes only blocks and fields that a strict server
//! would refuse, so that thoughts and their signatures stay the same.

use std::borrow::Cow;

use super::Call;
use crate::read::{
    arguments,
    json::{each, field, fields, fields_and_nulls, quoted, text, with_fields},
};

/// The raw turn, mended where need be. `said` is its text and `calls` are its tool calls, as they were read. In OpenAI's
/// format it is a message, in Anthropic's a list of blocks or a string.
pub fn mended<'a>(raw: &'a str, said: &str, calls: &[Call]) -> Cow<'a, str> {
    let mended = match raw.trim_start().as_bytes().first() {
        Some(b'{') => message(raw, said, calls),
        Some(b'[') => blocks(raw, calls),
        _ => None,
    };
    mended.map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// An OpenAI message, if something in it has to change.
fn message(raw: &str, said: &str, calls: &[Call]) -> Option<String> {
    let names = ["role", "content", "tool_calls", "function_call"];
    let [role, content, wire_calls, old_call] = fields_and_nulls(raw, names)?;
    let mut changes = Vec::new();
    if role != Some("\"assistant\"") {
        changes.push(("role", Some(quoted("assistant"))));
    }
    match content.map(content_of) {
        None | Some(Content::Fine) => {}
        Some(Content::Parts(parts)) => changes.push(("content", Some(parts))),
        Some(Content::None) => changes.push(("content", Some(quoted(said)))),
    }
    if let Some(wire) = wire_calls {
        // Some servers refuse an empty list of calls, or a null.
        match calls.is_empty() {
            true => changes.push(("tool_calls", None)),
            false => changes.extend(openai_calls(wire, calls).map(|mended| ("tool_calls", Some(mended)))),
        }
    }
    if old_call == Some("null") {
        changes.push(("function_call", None));
    }
    (!changes.is_empty()).then(|| with_fields(raw, &changes))
}

/// How a message's content has to be sent.
enum Content {
    /// As it came.
    Fine,
    /// Without its empty parts.
    Parts(String),
    /// As the text that was read: the content has a form that servers do not know.
    None,
}

fn content_of(content: &str) -> Content {
    if !content.starts_with('[') {
        return if content == "null" || content.starts_with('"') { Content::Fine } else { Content::None };
    }
    let (mut kept, mut dropped, mut odd) = (Vec::new(), false, false);
    each(content, |part| match kind(part) {
        None => odd = true,
        Some(_) if is_empty_text(part) => dropped = true,
        Some(_) => kept.push(part),
    });
    match (odd || kept.is_empty(), dropped) {
        (true, _) => Content::None,
        (false, true) => Content::Parts(format!("[{}]", kept.join(","))),
        (false, false) => Content::Fine,
    }
}

/// The kind of a block or a part.
fn kind(block: &str) -> Option<String> {
    field(block, "type").and_then(text)
}

/// Anthropic's blocks, if something in them has to change.
fn blocks(raw: &str, calls: &[Call]) -> Option<String> {
    let (mut sent, mut changed, mut left) = (Vec::new(), false, calls.iter());
    each(raw, |block| {
        let mended = match kind(block).as_deref() {
            Some("tool_use") => left.next().and_then(|call| anthropic_call(block, call)),
            Some("text") if is_empty_text(block) => Some(String::new()),
            Some("thinking") if field(block, "thinking").and_then(text).is_none() => Some(String::new()),
            Some(_) => None,
            // A block without a kind counts as a text if it has one, and is left out otherwise.
            None => {
                Some(field(block, "text").and_then(text).map(|words| text_block(&words)).unwrap_or_default())
            }
        };
        changed |= mended.is_some();
        if mended.as_deref() != Some("") {
            sent.push(mended.map_or(Cow::Borrowed(block), Cow::Owned));
        }
    });
    changed.then(|| format!("[{}]", sent.join(",")))
}

/// A text without words, which some servers refuse.
fn is_empty_text(block: &str) -> bool {
    let words = field(block, "text").and_then(text);
    kind(block).as_deref() == Some("text") && words.is_none_or(|words| words.trim().is_empty())
}

fn text_block(words: &str) -> String {
    match words.trim().is_empty() {
        true => String::new(),
        false => format!("{{\"type\":\"text\",\"text\":{}}}", quoted(words)),
    }
}

/// The calls of a message, if one of them has to change. Items that are no calls are left out.
fn openai_calls(items: &str, calls: &[Call]) -> Option<String> {
    let (mut sent, mut changed, mut left) = (Vec::new(), false, calls.iter());
    each(items, |item| {
        if !item.starts_with('{') {
            changed = true;
            return;
        }
        let mended = left.next().and_then(|call| openai_call(item, call));
        changed |= mended.is_some();
        sent.push(mended.map_or(Cow::Borrowed(item), Cow::Owned));
    });
    changed.then(|| format!("[{}]", sent.join(",")))
}

fn openai_call(wire: &str, call: &Call) -> Option<String> {
    let [id, kind, function] = fields(wire, ["id", "type", "function"])?;
    let [name, given] = function.and_then(|it| fields(it, ["name", "arguments"])).unwrap_or_default();
    let mut inner = Vec::new();
    if name.and_then(text).as_deref() != Some(call.name.as_str()) {
        inner.push(("name", Some(quoted(&call.name))));
    }
    // Arguments have to be a string that holds a JSON object.
    let is_object = given.and_then(text).is_some_and(|text| {
        text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok()
    });
    if !is_object {
        inner.push(("arguments", Some(quoted(&call.input))));
    }
    let mut outer = Vec::new();
    if id.and_then(text).as_deref() != Some(call.id.as_str()) {
        outer.push(("id", Some(quoted(&call.id))));
    }
    if kind != Some("\"function\"") {
        outer.push(("type", Some(quoted("function"))));
    }
    if !inner.is_empty() {
        outer.push(("function", Some(with_fields(function.unwrap_or("{}"), &inner))));
    }
    (!outer.is_empty()).then(|| with_fields(wire, &outer))
}

fn anthropic_call(block: &str, call: &Call) -> Option<String> {
    let [id, name, input] = fields(block, ["id", "name", "input"])?;
    let mut changes = Vec::new();
    if id.and_then(text).as_deref() != Some(call.id.as_str()) {
        changes.push(("id", Some(quoted(&call.id))));
    }
    if name.and_then(text).as_deref() != Some(call.name.as_str()) {
        changes.push(("name", Some(quoted(&call.name))));
    }
    if !input.is_some_and(|input| input.starts_with('{')) {
        let read = arguments(input);
        let read = if read.is_object() { read.to_string() } else { call.input.clone() };
        changes.push(("input", Some(read)));
    }
    (!changes.is_empty()).then(|| with_fields(block, &changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str, input: &str) -> Call {
        Call { id: id.into(), name: "read".into(), input: input.into() }
    }

    #[test]
    fn only_what_is_refused_is_changed() {
        let one = || vec![call("a", "{\"n\":0}")];
        let thought = r#"{"type":"thinking","thinking":"h\u00e4","signature":"c2ln+/==","x":1.50e3}"#;
        // name, raw, calls, what is sent; none where it stays
        let table: Vec<(&str, String, Vec<Call>, Option<String>)> = vec![
            ("OpenAI: valid", r#"{"role":"assistant","content":null,"reasoning_content":"h\u00e4","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":"{ \"n\":0 }"},"index":0}]}"#.into(), one(), None),
            ("OpenAI: no role", r#"{"content":"so"}"#.into(), vec![], Some(r#"{"content":"so","role":"assistant"}"#.into())),
            ("OpenAI: an empty list of calls", r#"{"role":"assistant","content":"so","tool_calls":[],"x":1}"#.into(), vec![], Some(r#"{"role":"assistant","content":"so","x":1}"#.into())),
            ("OpenAI: no list of calls", r#"{"role":"assistant","content":"so","tool_calls":null,"function_call":null}"#.into(), vec![], Some(r#"{"role":"assistant","content":"so"}"#.into())),
            ("OpenAI: cut arguments", r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":"{\"n\":"},"extra":{"s":1}}]}"#.into(), vec![call("a", "{}")], Some(r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":"{}"},"extra":{"s":1}}]}"#.into())),
            ("OpenAI: arguments that are an object", r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":{"n":0}}}]}"#.into(), one(), Some(r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":"{\"n\":0}"}}]}"#.into())),
            ("OpenAI: empty arguments", r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":""}}]}"#.into(), vec![call("a", "{}")], Some(r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"read","arguments":"{}"}}]}"#.into())),
            ("OpenAI: no id, no type", r#"{"role":"assistant","tool_calls":[{"id":null,"function":{"name":"read","arguments":"{}"}}]}"#.into(), one(), Some(r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"read","arguments":"{}"},"type":"function"}]}"#.into())),
            ("OpenAI: empty parts", r#"{"role":"assistant","content":[{"type":"text","text":""},{"type":"text","text":"so"}]}"#.into(), vec![], Some(r#"{"role":"assistant","content":[{"type":"text","text":"so"}]}"#.into())),
            ("Anthropic: valid", format!(r#"[{thought},{{"type":"tool_use","id":"a","name":"read","input":{{ "n":0 }}}}]"#), one(), None),
            ("Anthropic: an empty text", format!(r#"[{thought}, {{"type":"text","text":""}},{{"type":"tool_use","id":"a","name":"read","input":{{}}}}]"#), one(), Some(format!(r#"[{thought},{{"type":"tool_use","id":"a","name":"read","input":{{}}}}]"#))),
            ("Anthropic: arguments that are text", format!(r#"[{thought},{{"type":"tool_use","id":"a","name":"read","input":"{{\"n\":0}}"}}]"#), one(), Some(format!(r#"[{thought},{{"type":"tool_use","id":"a","name":"read","input":{{"n":0}}}}]"#))),
            ("Anthropic: no id", r#"[{"type":"tool_use","name":"read","input":{}}]"#.into(), one(), Some(r#"[{"type":"tool_use","name":"read","input":{},"id":"a"}]"#.into())),
            ("Anthropic: what is no block", r#"[0,{"type":"text","text":"so"}]"#.into(), vec![], Some(r#"[{"type":"text","text":"so"}]"#.into())),
            ("OpenAI: content of no kind", r#"{"role":"user","content":7}"#.into(), vec![], Some(r#"{"role":"assistant","content":"said"}"#.into())),
            ("OpenAI: parts of no kind", r#"{"role":"assistant","content":["a",{"text":"b"}]}"#.into(), vec![], Some(r#"{"role":"assistant","content":"said"}"#.into())),
            ("Anthropic: blocks of no kind", r#"[{"text":"so"},{"x":1},{"type":"thinking"}]"#.into(), vec![], Some(r#"[{"type":"text","text":"so"}]"#.into())),
            ("Anthropic: a text", r#""so""#.into(), vec![], None),
        ];
        for (name, raw, calls, expected) in table {
            let sent = mended(&raw, "said", &calls);
            assert_eq!(matches!(sent, Cow::Borrowed(_)), expected.is_none(), "{name}: {sent}");
            assert_eq!(sent, expected.unwrap_or(raw.clone()), "{name}");
        }
    }
}
