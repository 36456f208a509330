//! Writes a harness as Python: the same kind of draft as `source` writes as Rust, from the two mechanisms that need no table in
//! the source.

use super::{
    ideas::{IDEA_MARKER, Idea, Mechanism, SET_MARKER},
    source::Draft,
};

/// The mechanisms that can be written in Python.
pub(crate) fn has(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Retrieve | Mechanism::Reason)
}

/// The source of a draft.
pub(crate) fn render(draft: &Draft) -> String {
    let (retrieve, reason) = (draft.parameter(Mechanism::Retrieve), draft.parameter(Mechanism::Reason));
    let mut parts = vec![header(draft), IMPORTS.to_owned()];
    let tokens = reason.unwrap_or(if draft.is_open { 512 } else { 64 });
    parts.push(format!("# Room for a reply.\nREPLY_TOKENS = {tokens}\n"));
    if let Some(nearest) = retrieve {
        parts.push(format!(
            "# How many of the nearest training rows are shown, and how many are kept for each label.\nNEAREST = {nearest}\nPER_LABEL = 100\n"
        ));
    }
    parts.push(format!("\n{}", prompt(draft, reason.is_some())));
    parts.push(ASK.to_owned());
    parts.push(match (draft.is_open, reason.is_some()) {
        (true, _) => READ_ANSWER.to_owned(),
        (false, true) => format!("{READ_LABEL}\n\n{READ_JSON}"),
        (false, false) => READ_LABEL.to_owned(),
    });
    if retrieve.is_some() {
        parts.push(NEAREST.to_owned());
    }
    let reader = if reason.is_some() && !draft.is_open { "read_json" } else { "read_answer" };
    let harness = if retrieve.is_some() { RETRIEVING } else { PLAIN };
    parts.push(harness.replace("{reader}", reader));
    parts.join("\n")
}

fn header(draft: &Draft) -> String {
    let mut out =
        format!("\"\"\"Written by the simulated proposer for iteration {:03}.\"\"\"\n", draft.iteration);
    if let Some(idea) = draft.idea {
        out += &format!("# {IDEA_MARKER}{idea}\n");
    }
    let set: Vec<String> = draft.set.iter().map(Idea::to_string).collect();
    out += format!("# {SET_MARKER}{}", set.join(" ")).trim_end();
    out += "\n";
    if let Some(base) = draft.base {
        out += &format!("# builds on: iteration {base:03}\n");
    }
    out
}

/// The function that builds the prompt.
fn prompt(draft: &Draft, reasons: bool) -> String {
    let end = if draft.is_open { "Answer" } else { "Label" };
    let mut out = String::from(
        "def prompt(task: Task, examples: list[tuple[str, str]], input: Input) -> str:\n    parts = [task.instructions]\n",
    );
    if !draft.is_open {
        out += "    parts.append(\"Labels:\\n\" + \"\\n\".join(f\"- {label}\" for label in task.labels))\n";
    }
    let asked = match (draft.is_open, reasons) {
        (true, true) => "Think step by step about what is asked. Then end with `Answer: <answer>`.",
        (true, false) => "Reply with the answer and nothing else.",
        (false, true) => {
            "Think step by step about what the text says and which labels fit. Then reply with JSON: {\\\"reasoning\\\": \\\"...\\\", \\\"label\\\": \\\"...\\\"}"
        }
        (false, false) => "Answer with exactly one of the labels above, and nothing else.",
    };
    out += &format!("    parts.append(\"{asked}\")\n");
    out += &format!("    parts += [f\"Text: {{text}}\\n{end}: {{gold}}\" for text, gold in examples]\n");
    if draft.has_fields {
        out += "    parts.append(\"\\n\".join(f\"{field.name}: {field.value}\" for field in input.fields))\n";
    }
    out +=
        &format!("    parts.append(f\"Text: {{input.text}}\\n{end}:\")\n    return \"\\n\\n\".join(parts)\n");
    out
}

const IMPORTS: &str = r#"import json
import math
import re
from collections import Counter

import wit_world
from componentize_py_types import Err
from wit_world.imports import model
from wit_world.imports.types import Answer, Feedback, Input, Task
"#;

const ASK: &str = r#"
def ask(question: str) -> str:
    message = model.Message(model.Role.USER, question)
    request = model.Request(system=None, messages=[message], max_tokens=REPLY_TOKENS, temperature=None, stop=[])
    return model.complete(request).text.strip()
"#;

const READ_ANSWER: &str = r#"
def read_answer(task: Task, reply: str) -> str | None:
    """The answer in a reply: what follows the last `Answer:`, or all of it."""
    return reply.rsplit("Answer:", 1)[-1].strip() or None
"#;

const READ_LABEL: &str = r#"
def read_answer(task: Task, reply: str) -> str | None:
    """The label that a reply means: the reply itself, or the only label that it mentions."""
    if reply in task.labels:
        return reply
    found = [it for it in task.labels if re.search(rf"(?<!\w){re.escape(it)}(?!\w)", reply, re.IGNORECASE)]
    # A label that is a part of another one that is mentioned is not meant.
    found = [it for it in found if not any(it != other and it.lower() in other.lower() for other in found)]
    return found[0] if len(found) == 1 else None
"#;

const READ_JSON: &str = r#"def read_json(task: Task, reply: str) -> str | None:
    """The label in a reply's JSON; in the whole reply, if the JSON is missing or names none."""
    found = re.findall(r'"label"\s*:\s*"([^"]*)"', reply)
    return (read_answer(task, found[-1]) if found else None) or read_answer(task, reply)
"#;

const NEAREST: &str = r#"
def stems(text: str) -> list[str]:
    """A text's words, each cut to its beginning so that `coughs` and `coughing` are one."""
    return sorted({word[:5] for word in re.findall(r"\w+", text.lower())})


def nearest(rows: list, text: str) -> list[tuple[str, str]]:
    """The training rows that share the most telling words with a text, the nearest last."""
    asked = set(stems(text))
    shared = [asked.intersection(row[2]) for row in rows]
    holders = Counter(stem for found in shared for stem in found)

    def worth(at: int) -> float:
        told = sum(math.log(len(rows) / holders[stem]) for stem in sorted(shared[at]))
        return told / math.sqrt(len(rows[at][2]) or 1)

    order = sorted(range(len(rows)), key=worth)
    return [(rows[at][0], rows[at][1]) for at in order[-NEAREST:]]
"#;

const PLAIN: &str = r#"
class WitWorld(wit_world.WitWorld):
    def predict(self, task: Task, state: bytes, input: Input) -> Answer:
        reply = ask(prompt(task, [], input))
        answer = {reader}(task, reply)
        if answer is None:
            raise Err(f"the reply names no label: {reply}")
        return Answer(answer)

    def learn(self, task: Task, state: bytes, feedback: list[Feedback]) -> bytes:
        return state
"#;

const RETRIEVING: &str = r#"
class WitWorld(wit_world.WitWorld):
    def predict(self, task: Task, state: bytes, input: Input) -> Answer:
        rows = json.loads(state) if state else []
        reply = ask(prompt(task, nearest(rows, input.text), input))
        answer = {reader}(task, reply)
        if answer is None:
            raise Err(f"the reply names no label: {reply}")
        return Answer(answer)

    def learn(self, task: Task, state: bytes, feedback: list[Feedback]) -> bytes:
        rows = json.loads(state) if state else []
        kept = Counter(row[1] for row in rows)
        for it in feedback:
            if kept[it.gold] < PER_LABEL:
                kept[it.gold] += 1
                rows.append([it.input.text, it.gold, stems(it.input.text)])
        return json.dumps(rows).encode()
"#;
