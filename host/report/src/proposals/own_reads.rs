//! Which files and commands an agent's own output names. What it reads in its work folder passes by the search's tools, so
//! nobody else knows of it. Nobody can check it either.
//!
//! | agent | option | what is read |
//! |---|---|---|
//! | Claude Code | `--output-format stream-json` | events of type `assistant`: blocks of type `tool_use`, by `input.file_path`, `path` or `command` |
//! | Codex | `exec --json` | events of type `item.completed`: items of type `command_execution`, by `command` |
//!
//! Shapes of November 2026, as they are published. None of these agents was run here. Gemini CLI prints how often it used
//! its tools, and not on what.

use serde::Deserialize;
use serde_json::Value;

use mmh_record::text;

/// Most entries that are kept of one candidate.
const MAX_READS: usize = 200;

/// Most characters of an entry.
const MAX_CHARACTERS: usize = 200;

/// An event, on a line of its own.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    message: Option<Message>,
    item: Option<Item>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Vec<Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    command: Option<Value>,
}

/// What the output names, each once, in the order of the output. Empty where it names nothing.
pub fn in_log(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in log.lines().filter(|line| line.starts_with('{') && line.contains("\"type\"")) {
        let Ok(event) = serde_json::from_str::<Event>(line) else { continue };
        for named in named(&event) {
            let named = text::ellipsis(&text::one_line(&named), MAX_CHARACTERS);
            if !found.contains(&named) {
                found.push(named);
            }
            if found.len() == MAX_READS {
                return found;
            }
        }
    }
    found
}

fn named(event: &Event) -> Vec<String> {
    match (event.kind.as_str(), &event.message, &event.item) {
        ("assistant", Some(message), _) => message.content.iter().filter_map(of_block).collect(),
        ("item.completed", _, Some(item)) if item.kind.as_deref() == Some("command_execution") => {
            item.command.as_ref().and_then(words).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What a tool of Claude Code is used on.
fn of_block(block: &Value) -> Option<String> {
    let input = block.get("input").filter(|_| block["type"] == "tool_use")?;
    ["file_path", "path", "command"].iter().find_map(|key| words(input.get(key)?))
}

/// A command as a text, or as a list of words.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            (!words.is_empty()).then(|| words.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_print_is_read() {
        let claude = r#"{"type":"system","subtype":"init"}
{"type":"assistant","message":{"content":[{"type":"text","text":"I look."},{"type":"tool_use","name":"Read","input":{"file_path":"history/003/harness.rs"}}]}}
{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Bash","input":{"command":"mmh check harness.rs"}},{"type":"tool_use","name":"Read","input":{"file_path":"history/003/harness.rs"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","content":"{}"}]}}"#;
        let codex = r#"{"type":"item.started","item":{"type":"command_execution","command":"cat TASK.md"}}
{"type":"item.completed","item":{"type":"command_execution","command":"cat TASK.md","exit_code":0}}
{"type":"item.completed","item":{"type":"command_execution","command":["bash","-lc","ls history"]}}
{"type":"item.completed","item":{"type":"agent_message","text":"done"}}"#;
        let hostile = r#"{"type":"assistant","message":{"content":[{"type":"tool_use","input":{"file_path":7}},{"type":"tool_use"},3]}}
{"type":"assistant","message":{"content":"no list"}}
{"type":"item.completed","item":{"type":"command_execution","command":{}}}
{"type":"assistant","message":{"content":[{"type":"tool_use","input":{"path":"a\u001b[31m\nb"}}]}}"#;
        // name, output, what it names
        let table: [(&str, &str, &[&str]); 5] = [
            ("nothing", "", &[]),
            ("words", "candidate 1 is done\n{\"type\": 3}\n{}", &[]),
            ("Claude Code", claude, &["history/003/harness.rs", "mmh check harness.rs"]),
            ("Codex", codex, &["cat TASK.md", "bash -lc ls history"]),
            ("a cut line", &claude[..claude.len() - 3], &["history/003/harness.rs", "mmh check harness.rs"]),
        ];
        for (name, log, expected) in table {
            assert_eq!(in_log(log), expected, "{name}");
        }
        let of_hostile = in_log(hostile);
        assert!(of_hostile.len() == 1 && !of_hostile[0].contains(['\u{1b}', '\n']), "{of_hostile:?}");
    }

    #[test]
    fn a_flood_is_bounded() {
        let line = |at: usize| {
            let path = format!("{at}/{}", "x".repeat(10_000));
            serde_json::json!({ "type": "assistant",
                "message": { "content": [{ "type": "tool_use", "input": { "path": path } }] } })
            .to_string()
        };
        let flood: Vec<String> = (0..1_000).map(line).collect();
        let found = in_log(&flood.join("\n"));
        assert_eq!(found.len(), MAX_READS);
        assert!(found.iter().all(|it| it.chars().count() <= MAX_CHARACTERS + 1));
    }
}
