//! Prepares a conversation for sending. What a model said is sent back byte for byte, unless a strict server would refuse
//! it: then it is mended. The conversation itself and its record are not changed.

mod raw;

use std::{borrow::Cow, collections::HashSet};

use super::{Block, ChatMessage, ChatRole};

/// What replaces an empty result.
const EMPTY: &str = "(empty)";

/// Longest name of a tool that servers take.
const MAX_NAME: usize = 64;

/// The conversation as it can be sent: without empty turns and empty texts. Each tool call has a name, an object as
/// arguments and an id of its own, and results name these ids.
pub fn wellformed(messages: &[ChatMessage]) -> Vec<Cow<'_, ChatMessage>> {
    let mut sent: Vec<Cow<'_, ChatMessage>> = Vec::with_capacity(messages.len());
    let mut ids = Ids::default();
    // A turn was left out, so the next turn joins the one before it.
    let mut joins = false;
    for message in messages {
        match message.role {
            ChatRole::Assistant if !says_something(message) => joins = !sent.is_empty(),
            ChatRole::Assistant => {
                sent.push(assistant(message, &mut ids));
                joins = false;
            }
            ChatRole::User => {
                let message = user(message, &ids);
                match sent.last_mut().filter(|last| joins && last.role == ChatRole::User) {
                    Some(last) => last.to_mut().content.extend(message.into_owned().content),
                    None => sent.push(message),
                }
                joins = false;
            }
        }
    }
    sent
}

/// Whether a turn has content that has to be sent.
fn says_something(message: &ChatMessage) -> bool {
    message.content.iter().any(|block| match block {
        Block::Text { text } => !text.trim().is_empty(),
        Block::ToolUse { .. } | Block::ToolResult { .. } => true,
        // Some servers refuse thoughts without words or calls, and no server needs them.
        Block::Thinking { .. } => false,
        Block::Other { kind } => !["redacted_thinking", "none"].contains(&kind.as_str()),
    })
}

/// A tool call as it is sent.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    id: String,
    name: String,
    /// JSON text of an object.
    input: String,
}

/// The ids of a conversation's tool calls.
#[derive(Default)]
struct Ids {
    given: HashSet<String>,
    /// The ids of the last turn's calls, in their order. The results name them.
    last: Vec<String>,
}

impl Ids {
    /// The call's own id, or a new one if it has none or if another call has the same.
    fn of(&mut self, id: &str) -> String {
        let made = (1..).map(|number| format!("call_{number}"));
        let own = Some(id.trim()).filter(|id| !id.is_empty()).map(str::to_owned);
        let free = own.into_iter().chain(made).find(|id| !self.given.contains(id));
        let id = free.unwrap_or_default();
        self.given.insert(id.clone());
        self.last.push(id.clone());
        id
    }
}

fn assistant<'a>(message: &'a ChatMessage, ids: &mut Ids) -> Cow<'a, ChatMessage> {
    ids.last.clear();
    let calls: Vec<Call> = message.content.iter().filter_map(|block| call(block, ids)).collect();
    if let Some(raw) = &message.raw {
        return match raw::mended(raw, &message.plain_text(), &calls) {
            Cow::Borrowed(_) => Cow::Borrowed(message),
            Cow::Owned(raw) => Cow::Owned(ChatMessage { raw: Some(raw), ..message.clone() }),
        };
    }
    let mut left = calls.into_iter();
    let blocks = message.content.iter().filter_map(|block| match block {
        Block::Text { text } if text.trim().is_empty() => None,
        Block::ToolUse { .. } => left.next().map(|call| Block::ToolUse {
            input: serde_json::from_str(&call.input).unwrap_or_default(),
            id: call.id,
            name: call.name,
        }),
        other => Some(other.clone()),
    });
    let content: Vec<Block> = blocks.collect();
    match content == message.content {
        true => Cow::Borrowed(message),
        false => Cow::Owned(ChatMessage { content, ..message.clone() }),
    }
}

fn call(block: &Block, ids: &mut Ids) -> Option<Call> {
    let Block::ToolUse { id, name, input } = block else { return None };
    let input = match input {
        input if input.is_object() => input.to_string(),
        // Cut off, or none. The tool's result says what was wrong with them.
        _ => "{}".into(),
    };
    Some(Call { id: ids.of(id), name: tool_name(name), input })
}

/// The name with characters that servers take only. The tool need not exist.
fn tool_name(name: &str) -> String {
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | ':');
    let kept: String = name.chars().map(|it| if fits(it) { it } else { '_' }).take(MAX_NAME).collect();
    if kept.is_empty() { "unnamed".into() } else { kept }
}

/// A user's turn whose results name the ids under which their calls are sent.
fn user<'a>(message: &'a ChatMessage, ids: &Ids) -> Cow<'a, ChatMessage> {
    let mut left = ids.last.iter();
    let mut message = Cow::Borrowed(message);
    for at in 0..message.content.len() {
        let Block::ToolResult { tool_use_id, content, .. } = &message.content[at] else { continue };
        let id = left.next().unwrap_or(tool_use_id).clone();
        let is_empty = content.is_empty();
        if (id != *tool_use_id || is_empty)
            && let Some(Block::ToolResult { tool_use_id, content, .. }) = message.to_mut().content.get_mut(at)
        {
            *tool_use_id = id;
            if is_empty {
                *content = EMPTY.into();
            }
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(raw: &str, content: Vec<Block>) -> ChatMessage {
        ChatMessage { role: ChatRole::Assistant, content, raw: Some(raw.into()) }
    }

    fn told(text: &str) -> ChatMessage {
        ChatMessage::text(ChatRole::User, text)
    }

    fn uses(id: &str, input: Value) -> Block {
        Block::ToolUse { id: id.into(), name: "read".into(), input }
    }

    fn result(id: &str, content: &str) -> Block {
        Block::ToolResult { tool_use_id: id.into(), content: content.into(), is_error: false }
    }

    fn text(text: &str) -> Block {
        Block::Text { text: text.into() }
    }

    /// Roles, blocks and raw texts of what is sent.
    fn sent(messages: &[ChatMessage]) -> Vec<(ChatRole, usize, Option<String>)> {
        let sent = wellformed(messages);
        sent.iter().map(|it| (it.role, it.content.len(), it.raw.clone())).collect()
    }

    #[test]
    fn turns_in_which_nothing_is_said_are_left_out() {
        let thought = || Block::Thinking { text: "hm".into() };
        let other = |kind: &str| Block::Other { kind: kind.into() };
        // name, what the model said, whether it goes back
        let table = [
            ("nothing", vec![], false),
            ("a thought", vec![thought()], false),
            ("a thought and white space", vec![thought(), text(" \n")], false),
            ("a thought that is not shown", vec![other("redacted_thinking")], false),
            ("a word", vec![thought(), text("so")], true),
            ("a call", vec![uses("a", json!({}))], true),
            ("something new", vec![other("hologram")], true),
        ];
        for (name, content, goes_back) in table {
            let turn = ChatMessage { content, ..said("[]", vec![]) };
            let turn = ChatMessage { raw: None, ..turn };
            let found = sent(&[told("a"), turn, told("b"), told("c")]);
            let roles: Vec<ChatRole> = found.iter().map(|(role, ..)| *role).collect();
            use ChatRole::{Assistant, User};
            // Two texts in a row that were so before stay so.
            let expected = if goes_back { vec![User, Assistant, User, User] } else { vec![User, User] };
            assert_eq!(roles, expected, "{name}");
            assert_eq!(
                found[0].1,
                if goes_back { 1 } else { 2 },
                "{name}: the next turn joins the one before"
            );
        }
    }

    #[test]
    fn ids_are_there_and_of_one_call_only() {
        // name, the ids that came turn by turn, the ids that are sent
        type Row<'a> = (&'a str, &'a [&'a [&'a str]], &'a [&'a [&'a str]]);
        let table: [Row; 6] = [
            ("their own", &[&["a", "b"], &["c"]], &[&["a", "b"], &["c"]]),
            ("none", &[&["", ""], &[""]], &[&["call_1", "call_2"], &["call_3"]]),
            ("the same twice in a turn", &[&["a", "a"]], &[&["a", "call_1"]]),
            ("the same in every turn", &[&["a"], &["a"], &["a"]], &[&["a"], &["call_1"], &["call_2"]]),
            ("one that is made up elsewhere", &[&["call_1", ""]], &[&["call_1", "call_2"]]),
            ("white space", &[&[" "]], &[&["call_1"]]),
        ];
        for (name, turns, expected) in table {
            let talk = turns.iter().flat_map(|ids| {
                let calls: Vec<Block> = ids.iter().map(|id| uses(id, json!({}))).collect();
                let wire: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "type": "function", "function": { "name": "read", "arguments": "{}" } })).collect();
                let raw = json!({ "role": "assistant", "content": null, "tool_calls": wire }).to_string();
                [said(&raw, calls), ChatMessage::user(ids.iter().map(|id| result(id, "x")).collect())]
            });
            let talk: Vec<ChatMessage> = talk.collect();
            let found = wellformed(&talk);
            for (at, ids) in expected.iter().enumerate() {
                let raw: Value =
                    serde_json::from_str(found[2 * at].raw.as_deref().unwrap_or_default()).expect("JSON");
                let calls = raw["tool_calls"]
                    .as_array()
                    .expect("calls")
                    .iter()
                    .map(|call| call["id"].as_str().unwrap_or_default());
                assert_eq!(calls.collect::<Vec<_>>(), *ids, "{name}: calls");
                let results = found[2 * at + 1].content.iter().map(|block| match block {
                    Block::ToolResult { tool_use_id, .. } => tool_use_id.as_str(),
                    _ => "none",
                });
                assert_eq!(results.collect::<Vec<_>>(), *ids, "{name}: results");
            }
            let unchanged = turns == expected;
            assert!(found.iter().all(|it| matches!(it, Cow::Borrowed(_))) == unchanged, "{name}");
        }
    }

    #[test]
    fn what_has_no_raw_view_is_mended_as_well() {
        let turn = ChatMessage { raw: None, ..said("", vec![text(""), uses("", json!("cut")), text("so")]) };
        let found = wellformed(std::slice::from_ref(&turn));
        assert_eq!(found[0].content, [uses("call_1", json!({})), text("so")]);
        let results = ChatMessage::user(vec![result("", "")]);
        let turns = [turn, results];
        assert_eq!(wellformed(&turns)[1].content, [result("call_1", EMPTY)]);
    }

    #[test]
    fn names_that_servers_take() {
        for (name, expected) in
            [("read_harness", "read_harness"), ("", "unnamed"), ("rm -rf /", "rm_-rf__"), ("ä", "_")]
        {
            assert_eq!(tool_name(name), expected);
        }
        assert_eq!(tool_name(&"x".repeat(200)).len(), MAX_NAME);
    }
}
