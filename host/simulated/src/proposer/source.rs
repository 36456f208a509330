//! Writes a harness as Rust (in Python: `python`): one file, from a set of mechanisms and their tables.
//!
//! Which mechanisms, and what is in the tables, is decided elsewhere. The pieces of source are below;
//! what is assembled reads as if a person had written it and compiles without warnings.

use super::{
    ideas::{IDEA_MARKER, Idea, Mechanism, SET_MARKER},
    pieces, python,
};

/// A harness that is to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub iteration: u64,
    /// The iteration that it builds on.
    pub base: Option<u64>,
    /// What is new in it; none for a plain zero-shot harness.
    pub idea: Option<Idea>,
    /// Whether it is written in Python.
    pub is_python: bool,
    /// Whether it is for an open task, which offers no labels.
    pub is_open: bool,
    /// Whether the task's inputs have fields besides their text.
    pub has_fields: bool,
    /// All of its mechanisms, `idea` among them.
    pub set: Vec<Idea>,
    /// The constants `EXAMPLES`, `HINTS` and `OFFERED`, as source, where its mechanisms need them.
    pub examples: Option<String>,
    pub hints: Option<String>,
    pub offered: Option<String>,
}

impl Draft {
    pub(crate) fn parameter(&self, mechanism: Mechanism) -> Option<u32> {
        self.set.iter().find(|one| one.mechanism == mechanism).map(|one| one.parameter)
    }

    fn retrieves(&self) -> bool {
        self.parameter(Mechanism::Retrieve).is_some()
    }

    fn reasons(&self) -> bool {
        self.parameter(Mechanism::Reason).is_some()
    }

    fn decides(&self) -> bool {
        self.parameter(Mechanism::Verdict).is_some() && self.shows_examples()
    }

    fn shows_examples(&self) -> bool {
        self.examples.is_some() || self.retrieves()
    }
}

/// The source of a draft.
pub(crate) fn render(draft: &Draft) -> String {
    if draft.is_python {
        return python::render(draft);
    }
    let mut parts = vec![header(draft)];
    parts.extend(constants(draft));
    parts.push("struct Candidate;\n".to_owned());
    if draft.retrieves() {
        parts.push(pieces::MEMORY.to_owned());
    }
    parts.push(harness(draft));
    if draft.decides() {
        parts.push(pieces::ASK_ALL.to_owned());
    }
    if draft.offered.is_some() {
        parts.push(pieces::OFFERED_LABELS.to_owned());
    }
    if draft.shows_examples() {
        parts.push(worked_examples(draft));
    }
    parts.push(prompt(draft));
    let read = match (draft.is_open, draft.reasons()) {
        (true, _) => pieces::READ_ANSWER,
        (false, true) => pieces::READ_JSON,
        (false, false) => pieces::READ_LABEL,
    };
    parts.push(read.to_owned());
    if draft.retrieves() {
        parts.push(pieces::NEAREST.to_owned());
    }
    parts.push("mmh_sdk::export!(Candidate);\n".to_owned());
    parts.join("\n")
}

fn header(draft: &Draft) -> String {
    let mut out =
        format!("//! Written by the simulated proposer for iteration {:03}.\n//!\n", draft.iteration);
    if let Some(idea) = draft.idea {
        out.push_str(&format!("//! {IDEA_MARKER}{idea}\n"));
    }
    let set: Vec<String> = draft.set.iter().map(Idea::to_string).collect();
    out.push_str(format!("//! {SET_MARKER}{}", set.join(" ")).trim_end());
    out.push('\n');
    if let Some(base) = draft.base {
        out.push_str(&format!("//! builds on: iteration {base:03}\n"));
    }
    out.push('\n');
    if draft.retrieves() {
        out.push_str("use std::collections::BTreeSet;\n\n");
    }
    out.push_str("use mmh_sdk::prelude::*;\n");
    out
}

fn constants(draft: &Draft) -> Vec<String> {
    let mut out = Vec::new();
    let tables = [
        (&draft.examples, "Worked examples from the training rows of confused labels: text and label."),
        (&draft.hints, "What tells confused labels apart: words, the label they speak for, its rival."),
        (
            &draft.offered,
            "The labels that are offered. The others hardly ever fail; leaving them out saves tokens.",
        ),
    ];
    for (table, doc) in tables {
        out.extend(table.as_ref().map(|table| format!("/// {doc}\n{table}")));
    }
    if let Some(nearest) = draft.parameter(Mechanism::Retrieve) {
        out.push(format!(
            "/// How many of the nearest training rows are shown.\nconst NEAREST: usize = {nearest};\n"
        ));
        out.push(pieces::PER_LABEL.to_owned());
    }
    let (tokens, doc) = match draft.parameter(Mechanism::Reason) {
        Some(tokens) => (tokens, "Room for the reasoning and the answer."),
        None if draft.is_open => (512, "Room for an answer."),
        None => (64, "Room for a label and a few words around it."),
    };
    out.push(format!("/// {doc}\nconst REPLY_TOKENS: u32 = {tokens};\n"));
    out
}

fn state(draft: &Draft) -> &'static str {
    if draft.retrieves() { "Memory" } else { "()" }
}

fn harness(draft: &Draft) -> String {
    let state = state(draft);
    let state_name = if draft.retrieves() { "state" } else { "_state" };
    let learn = if draft.retrieves() { pieces::LEARN } else { "" };
    let offered = if draft.offered.is_some() { "offered_labels(task)" } else { pieces::ALL_LABELS };
    let body = match (draft.decides(), draft.shows_examples()) {
        (true, _) => pieces::PREDICT_BY_VERDICT.replace("{examples}", &examples_call(draft)),
        (false, true) => pieces::PREDICT
            .replace("{examples}", &format!("        let examples = {};\n", examples_call(draft)))
            .replace("{shown}", "&examples, "),
        (false, false) => pieces::PREDICT.replace("{examples}", "").replace("{shown}", ""),
    };
    let body = body.replace("{offered}", offered);
    format!(
        "impl Harness for Candidate {{\n    type State = {state};\n\n{learn}    \
         fn predict(task: &Task, {state_name}: &{state}, input: &Input, model: &Model) -> Result<Answer> {{\n{body}    }}\n}}\n"
    )
}

fn examples_call(draft: &Draft) -> String {
    if draft.retrieves() { "worked_examples(state, input)" } else { "worked_examples()" }.to_owned()
}

fn worked_examples(draft: &Draft) -> String {
    match (draft.examples.is_some(), draft.retrieves()) {
        (true, true) => pieces::EXAMPLES_BOTH,
        (false, true) => pieces::EXAMPLES_NEAREST,
        _ => pieces::EXAMPLES_FIXED,
    }
    .to_owned()
}

/// The function that builds the prompt.
fn prompt(draft: &Draft) -> String {
    let examples = draft.shows_examples();
    let mut out =
        String::from("/// The prompt: what is asked, what may be answered, what helps, the text.\n");
    out.push_str(if examples {
        "fn prompt(task: &Task, offered: &[&str], examples: &[(&str, &str)], input: &Input) -> String {\n"
    } else {
        "fn prompt(task: &Task, offered: &[&str], input: &Input) -> String {\n"
    });
    out.push_str(if draft.is_open { pieces::PROMPT_OPEN } else { pieces::PROMPT_LABELS });
    if draft.hints.is_some() {
        out.push_str(pieces::PROMPT_HINTS);
    }
    out.push_str(match (draft.is_open, draft.reasons()) {
        (true, true) => pieces::PROMPT_OPEN_REASON,
        (true, false) => pieces::PROMPT_OPEN_PLAIN,
        (false, true) => pieces::PROMPT_REASON,
        (false, false) => pieces::PROMPT_PLAIN,
    });
    if examples {
        out.push_str(if draft.is_open { pieces::PROMPT_OPEN_EXAMPLES } else { pieces::PROMPT_EXAMPLES });
    }
    if draft.has_fields {
        out.push_str(pieces::PROMPT_FIELDS);
    }
    let end = if draft.is_open { "Answer" } else { "Label" };
    out.push_str(&format!("    text += &format!(\"Text: {{input}}\\n{end}:\");\n    text\n}}\n"));
    out
}
