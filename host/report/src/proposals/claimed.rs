//! What an agent's own output says of its tokens and its money, in the formats of the agents that print them. Nobody can check
//! it, and it is in no sum: a hostile agent prints what it likes.
//!
//! | agent | option | what is read |
//! |---|---|---|
//! | Claude Code | `--output-format stream-json` or `json` | events of type `result`: `usage`, `total_cost_usd` |
//! | Codex | `exec --json` | events of type `turn.completed`: `usage` |
//! | Gemini CLI | `--output-format json` | `stats.models.*.tokens` of the last object |
//!
//! Shapes of November 2026, as they are published. None of these agents was run here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A larger sum of US dollars is not believed.
const MAX_USD: f64 = 1e6;

/// How many objects of several lines are tried, from the last one backwards.
const MAX_OBJECTS: usize = 4;

/// What an agent says that it spent on a candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Claimed {
    /// All tokens that its model was sent, cached or not. Null where it does not say it.
    pub input_tokens: Option<u64>,
    /// Of these, those that came from the provider's cache. Null where it does not say it.
    pub cached_tokens: Option<u64>,
    /// All tokens that its model wrote. Null where it does not say it.
    pub output_tokens: Option<u64>,
    /// US dollars. Null where it does not say it.
    pub usd: Option<f64>,
}

/// An event of Claude Code or Codex, on a line of its own.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    usage: Option<Usage>,
    total_cost_usd: Option<f64>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cached_input_tokens: Option<u64>,
}

/// What Gemini CLI prints at its end.
#[derive(Deserialize)]
struct Gemini {
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    models: BTreeMap<String, OfModel>,
}

#[derive(Deserialize)]
struct OfModel {
    tokens: Tokens,
}

#[derive(Deserialize)]
struct Tokens {
    prompt: Option<u64>,
    candidates: Option<u64>,
    cached: Option<u64>,
    thoughts: Option<u64>,
}

impl Claimed {
    /// What an agent's output says. None where it says nothing of it.
    pub fn in_log(log: &str) -> Option<Self> {
        let mut claimed = Self::default();
        for line in log.lines().filter(|line| line.starts_with('{') && line.contains("\"type\"")) {
            if let Ok(event) = serde_json::from_str::<Event>(line) {
                claimed = claimed.and(Self::of_event(&event));
            }
        }
        if claimed == Self::default() {
            claimed = last_object::<Gemini>(log).map(|it| Self::of_gemini(&it)).unwrap_or_default();
        }
        (claimed != Self::default()).then_some(claimed)
    }

    /// Both together. Where one says nothing, the other one counts.
    pub fn and(self, other: Self) -> Self {
        Self {
            input_tokens: sum([self.input_tokens, other.input_tokens]),
            cached_tokens: sum([self.cached_tokens, other.cached_tokens]),
            output_tokens: sum([self.output_tokens, other.output_tokens]),
            usd: match (self.usd, other.usd) {
                (Some(one), Some(other)) => Some((one + other).min(MAX_USD)),
                (one, other) => one.or(other),
            },
        }
    }

    fn of_event(event: &Event) -> Self {
        let Some(usage) = event.usage.as_ref() else {
            let usd = believed(event.total_cost_usd).filter(|_| event.kind == "result");
            return Self { usd, ..Self::default() };
        };
        match event.kind.as_str() {
            // Claude's input tokens are those beside its cache.
            "result" => Self {
                input_tokens: sum([
                    usage.input_tokens,
                    usage.cache_creation_input_tokens,
                    usage.cache_read_input_tokens,
                ]),
                cached_tokens: usage.cache_read_input_tokens,
                output_tokens: usage.output_tokens,
                usd: believed(event.total_cost_usd),
            },
            "turn.completed" => Self {
                input_tokens: usage.input_tokens,
                cached_tokens: usage.cached_input_tokens,
                output_tokens: usage.output_tokens,
                usd: None,
            },
            _ => Self::default(),
        }
    }

    fn of_gemini(said: &Gemini) -> Self {
        said.stats.models.values().fold(Self::default(), |claimed, OfModel { tokens }| {
            claimed.and(Self {
                input_tokens: tokens.prompt,
                cached_tokens: tokens.cached,
                output_tokens: sum([tokens.candidates, tokens.thoughts]),
                usd: None,
            })
        })
    }
}

/// The sum of what is known; nothing if nothing is.
fn sum<const N: usize>(parts: [Option<u64>; N]) -> Option<u64> {
    parts.into_iter().flatten().reduce(u64::saturating_add)
}

fn believed(usd: Option<f64>) -> Option<f64> {
    usd.filter(|usd| (0.0..=MAX_USD).contains(usd))
}

/// The last object of this type that begins a line with its brace and has lines of its own.
fn last_object<T: DeserializeOwned>(log: &str) -> Option<T> {
    let mut end = log.len();
    for _ in 0..MAX_OBJECTS {
        let inner = log[..end].rfind("\n{\n").map(|at| at + 1);
        let at = inner.or_else(|| log[..end].starts_with("{\n").then_some(0))?;
        if let Some(Ok(found)) = serde_json::Deserializer::from_str(&log[at..]).into_iter::<T>().next() {
            return Some(found);
        }
        end = at;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(input: u64, cached: u64, output: u64, usd: Option<f64>) -> Option<Claimed> {
        let [input_tokens, cached_tokens, output_tokens] = [input, cached, output].map(Some);
        Some(Claimed { input_tokens, cached_tokens, output_tokens, usd })
    }

    #[test]
    fn what_agents_print_is_read() {
        let claude = r#"{"type":"system","subtype":"init"}
{"type":"assistant","message":{"usage":{"input_tokens":9,"output_tokens":9}}}
{"type":"result","subtype":"success","total_cost_usd":0.25,"usage":{"input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,"output_tokens":7,"server_tool_use":{"web_search_requests":0}}}"#;
        let codex = r#"{"type":"thread.started","thread_id":"x"}
{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":40,"output_tokens":5}}
{"type":"turn.completed","usage":{"input_tokens":200,"cached_input_tokens":60,"output_tokens":6}}"#;
        let gemini = r#"a warning
{
  "response": "done",
  "stats": {
    "models": {
      "a": { "api": { "totalRequests": 2 }, "tokens": { "prompt": 50, "candidates": 4, "total": 60, "cached": 10, "thoughts": 6, "tool": 0 } },
      "b": { "tokens": { "prompt": 5, "candidates": 1, "cached": 0, "thoughts": 0 } }
    },
    "tools": { "totalCalls": 1 }
  }
}
bye"#;
        let hostile = r#"{"type":"result","total_cost_usd":1e308,"usage":{"input_tokens":18446744073709551615,"output_tokens":1}}
{"type":"result","total_cost_usd":-5,"usage":{"input_tokens":18446744073709551615,"output_tokens":-1}}
{"type":"result","total_cost_usd":"NaN"}
{"type":"result","usage":{"input_tokens":5,"output_tokens":2}}"#;
        let deep = format!("{{\"type\":{}", "[".repeat(100_000));
        let braces = "{\n".repeat(100_000);
        // name, output, what it says
        let table: [(&str, &str, Option<Claimed>); 10] = [
            ("nothing", "", None),
            ("words", "candidate 1 is done\n{\"type\": 3}\n{}", None),
            ("Claude Code", claude, claimed(330, 300, 7, Some(0.25))),
            ("Codex", codex, claimed(300, 100, 11, None)),
            ("Gemini CLI", gemini, claimed(55, 10, 11, None)),
            (
                "hostile numbers",
                hostile,
                Some(Claimed { input_tokens: Some(u64::MAX), output_tokens: Some(3), ..Claimed::default() }),
            ),
            (
                "money alone",
                r#"{"type":"result","total_cost_usd":0.5}"#,
                Some(Claimed { usd: Some(0.5), ..Claimed::default() }),
            ),
            ("a cut line", &claude[..claude.len() - 3], None),
            ("deep", &deep, None),
            ("braces", &braces, None),
        ];
        for (name, log, expected) in table {
            assert_eq!(Claimed::in_log(log), expected, "{name}");
        }
    }
}
