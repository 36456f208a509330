//! What the conversation so far says: the brief, and every tool call with its result.
//!
//! The proposer keeps no state of its own; whatever it knows, it has read here. Not in here: what the
//! results mean, which is `study`'s job.

use serde_json::Value;

use mmh_record::chat::{Block, ChatRequest, ChatRole};

/// A conversation, read.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub brief: Brief,
    pub calls: Vec<Call>,
    /// The tools on offer. Empty if the request does not say; then all are taken to be there.
    tools: Vec<String>,
    /// How many turns the assistant has had.
    pub turns: usize,
    /// Whether harnesses are to be written in Python, as the instructions say.
    pub is_python: bool,
}

/// What the first message asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Brief {
    /// The number of the iteration that is to be written.
    pub iteration: Option<u64>,
    pub labels: Vec<String>,
    /// Whether the task has no labels, and an answer is any text.
    pub is_open: bool,
    /// Whether an input has fields besides its text.
    pub has_fields: bool,
    /// How many of the candidates that are written at the same time come before this one.
    pub before: usize,
}

/// One tool call that has its result.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub name: String,
    pub input: Value,
    pub content: String,
    pub is_error: bool,
}

impl Call {
    /// The result as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.content).unwrap_or_default()
    }

    /// An argument that is a text, or an empty one.
    pub(crate) fn text(&self, argument: &str) -> &str {
        self.input[argument].as_str().unwrap_or_default()
    }
}

impl Conversation {
    /// Reads a request. A call without a result, and a result without a call, are passed over.
    pub(crate) fn read(request: &ChatRequest) -> Self {
        let blocks = || request.messages.iter().flat_map(|message| &message.content);
        let result_of = |wanted: &str| {
            blocks().find_map(|block| match block {
                Block::ToolResult { tool_use_id, content, is_error } if tool_use_id == wanted => {
                    Some((content.clone(), *is_error))
                }
                _ => None,
            })
        };
        let calls = blocks().filter_map(|block| match block {
            Block::ToolUse { id, name, input } => {
                let (content, is_error) = result_of(id)?;
                Some(Call { name: name.clone(), input: input.clone(), content, is_error })
            }
            _ => None,
        });
        Self {
            brief: Brief::read(&first_text(request)),
            calls: calls.collect(),
            tools: request.tools.iter().map(|tool| tool.name.clone()).collect(),
            is_python: request.system.as_deref().is_some_and(|system| system.contains("one Python file")),
            turns: request.messages.iter().filter(|message| message.role == ChatRole::Assistant).count(),
        }
    }

    /// Whether a tool is on offer and has not been called yet.
    pub(crate) fn may_first(&self, name: &str) -> bool {
        self.offers(name) && self.of(name).next().is_none()
    }

    pub(crate) fn offers(&self, name: &str) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|tool| tool == name)
    }

    /// The calls of one tool, in order.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Call> {
        self.calls.iter().filter(move |call| call.name == name)
    }

    /// The calls of one tool about one iteration.
    pub(crate) fn about<'a>(
        &'a self,
        name: &'a str,
        iteration: u64,
    ) -> impl DoubleEndedIterator<Item = &'a Call> {
        self.of(name).filter(move |call| call.input["iteration"].as_u64() == Some(iteration))
    }
}

fn first_text(request: &ChatRequest) -> String {
    let first = request.messages.iter().find(|message| message.role == ChatRole::User);
    let texts = first.iter().flat_map(|message| &message.content).filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

impl Brief {
    fn read(text: &str) -> Self {
        let is_open = text.lines().any(|line| line.starts_with("Answers are open"));
        let labels = if is_open { Vec::new() } else { labels_in(text) };
        let has_fields =
            text.lines().any(|line| line.starts_with("Besides its text, an input has these fields"));
        Self { iteration: iteration_in(text), labels, is_open, has_fields, before: before_in(text) }
    }
}

/// The first number that follows the word `iteration`.
fn iteration_in(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let after = lower.match_indices("iteration").map(|(at, word)| &lower[at + word.len()..]);
    let mut numbers = after.filter_map(|rest| {
        let digits = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    numbers.next()
}

/// One less than the number in `candidate 2 of 3`; 0 where there is none.
fn before_in(text: &str) -> usize {
    let number = |after: &str| after.split_once(" of ")?.0.parse::<usize>().ok();
    let place = text.match_indices("candidate ").find_map(|(at, word)| number(&text[at + word.len()..]));
    place.map_or(0, |place| place.saturating_sub(1))
}

/// The longest run of `- label` lines; one that stands under a line about labels goes first.
fn labels_in(text: &str) -> Vec<String> {
    let mut best: (bool, Vec<String>) = (false, Vec::new());
    let (mut run, mut under_labels, mut above) = (Vec::new(), false, "");
    for line in text.lines().chain([""]) {
        if let Some(label) = line.trim().strip_prefix("- ") {
            if run.is_empty() {
                under_labels = above.to_lowercase().contains("label");
            }
            run.push(label.trim().to_owned());
            continue;
        }
        if (under_labels, run.len()) > (best.0, best.1.len()) && !run.is_empty() {
            best = (under_labels, std::mem::take(&mut run));
        }
        run.clear();
        under_labels = false;
        if !line.trim().is_empty() {
            above = line;
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_brief() {
        let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let table = [
            (
                "both",
                "Write iteration 003 of 5.\nTask: x\nLabels:\n- a b\n- c\n",
                Some(3),
                labels(&["a b", "c"]),
            ),
            (
                "rules too",
                "Rules:\n- one\n- two\n- three\nThe labels are:\n- a\n- b\nGo. This is iteration 1.",
                Some(1),
                labels(&["a", "b"]),
            ),
            (
                "an open task",
                "Write iteration 2.\nInstructions:\n- a\n- b\n\nBesides its text, an input has these fields: c.\n\nAnswers are open: any text.",
                Some(2),
                labels(&[]),
            ),
            (
                "one of several",
                "Write iteration 5. It is candidate 3 of 4 that are written.",
                Some(5),
                labels(&[]),
            ),
            ("nothing", "hello", None, labels(&[])),
            ("no number", "the next iteration, please", None, labels(&[])),
        ];
        for (name, text, iteration, labels) in table {
            let is_open = name == "an open task";
            let before = if name == "one of several" { 2 } else { 0 };
            let expected = Brief { iteration, labels, is_open, has_fields: is_open, before };
            assert_eq!(Brief::read(text), expected, "{name}");
        }
    }
}
