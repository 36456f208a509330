//! The tools' arguments: types, schemas, and errors about wrong ones.

mod lenient;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    index::Order,
    tools::{FOLDS, MAX_NOTE_BYTES, MAX_NOTES, MAX_TRIALS},
};
use mmh_record::{chat::ToolSpec, language::HarnessLanguage};

/// Most rows in one result.
pub const MAX_ROWS: usize = 200;

/// A page of a text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfText {
    #[serde(default)]
    pub offset: usize,
}

/// A page of the iterations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfBoard {
    #[serde(default)]
    pub order: Option<Order>,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

/// An iteration's score, with a page of its labels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfScore {
    pub iteration: u32,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

/// A page of a list that belongs to no iteration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfList {
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

/// Two iterations, with a page of the examples that differ.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfChanges {
    pub a: u32,
    pub b: u32,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

/// No arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub text: String,
}

/// A page of a text file of an iteration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfFile {
    pub iteration: u32,
    #[serde(default)]
    pub offset: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfTrace {
    pub iteration: u32,
    #[serde(default = "yes")]
    pub only_failures: bool,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfTrain {
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub offset: usize,
    #[serde(default = "twenty")]
    pub limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    pub code: String,
    #[serde(default)]
    pub split: TrialSplit,
    #[serde(default)]
    pub example_ids: Vec<String>,
    #[serde(default)]
    pub folds: Option<usize>,
    #[serde(default)]
    pub rows: Option<usize>,
    #[serde(default)]
    pub verbose: bool,
}

/// What a harness is tried on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialSplit {
    #[default]
    Val,
    Train,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub a: u32,
    pub b: u32,
    #[serde(default)]
    pub offset: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    pub code: String,
    pub reasoning: String,
}

fn yes() -> bool {
    true
}

fn twenty() -> usize {
    20
}

/// A tool's arguments out of what the model wrote, or what is wrong with them.
pub fn parse<T: DeserializeOwned>(tool: &str, input: Value) -> Result<T, String> {
    let wrong = |why: String| format!("bad arguments for {tool}: {why}");
    let spec = specs().into_iter().find(|spec| spec.name == tool);
    let schema = spec.map(|spec| spec.input_schema).unwrap_or_default();
    let input = lenient::fitted(input, &schema).map_err(wrong)?;
    serde_json::from_value(input).map_err(|error| wrong(error.to_string()))
}

/// All tools, as they are offered to the model. Their order is part of every recorded request.
pub fn specs() -> Vec<ToolSpec> {
    specs_in(HarnessLanguage::Rust)
}

/// The same for harnesses in a language.
pub fn specs_in(language: HarnessLanguage) -> Vec<ToolSpec> {
    [reading_tools(), building_tools(language)].concat()
}

/// The tools that read the run, the train examples and the SDK's guide.
fn reading_tools() -> Vec<ToolSpec> {
    let iteration = || json!({ "type": "integer", "minimum": 0, "description": "the iteration's index" });
    let offset = || json!({ "type": "integer", "minimum": 0, "default": 0 });
    let byte =
        || json!({ "type": "integer", "minimum": 0, "default": 0, "description": "the byte to begin at" });
    let limit = || json!({ "type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 20 });
    let of_iterations = |order: &str| {
        let order = json!({ "type": "string", "enum": ["best", "newest"], "default": order });
        json!({ "order": order, "offset": offset(), "limit": limit() })
    };
    let of_text = || json!({ "iteration": iteration(), "offset": byte() });
    let of_traces = json!({
        "iteration": iteration(),
        "only_failures": { "type": "boolean", "default": true },
        "offset": offset(),
        "limit": limit(),
    });
    vec![
        tool(
            "list_iterations",
            "Iterations with status and accuracy, the newest first, page by page.",
            &[],
            of_iterations("newest"),
        ),
        tool(
            "scoreboard",
            "Accuracy, errors, prompt size and calls of iterations, the best first, page by page; which is best, and which \
             are on the frontier: no other one has as good a score with as few prompt tokens.",
            &[],
            of_iterations("best"),
        ),
        tool("read_harness", "The source of an iteration's harness.", &["iteration"], of_text()),
        tool(
            "read_reasoning",
            "The reasoning that came with an iteration's harness.",
            &["iteration"],
            of_text(),
        ),
        tool(
            "read_score",
            "An iteration's score in full, and label by label which other answers were given, those with most wrong answers first.",
            &["iteration"],
            json!({ "iteration": iteration(), "offset": offset(), "limit": limit() }),
        ),
        tool(
            "read_eval_trace",
            "Raw traces of an iteration's validation examples, page by page: input, gold label, prediction, outcome, logs, prompts and replies.",
            &["iteration"],
            of_traces,
        ),
        tool(
            "read_train",
            "Labelled train examples, of one label or of all, page by page.",
            &[],
            json!({ "label": { "type": "string" }, "offset": offset(), "limit": limit() }),
        ),
        tool(
            "read_sdk",
            "The guide to the SDK that harnesses are written with.",
            &[],
            json!({ "offset": byte() }),
        ),
        tool(
            "diff_harness",
            "A unified diff between the sources of two iterations.",
            &["a", "b"],
            json!({ "a": iteration(), "b": iteration(), "offset": byte() }),
        ),
        tool(
            "compare_iterations",
            "What iteration b changed against iteration a on the validation examples: how many it fixed and broke, with a p-value, by label, and the \
             examples page by page.",
            &["a", "b"],
            json!({ "a": iteration(), "b": iteration(), "offset": offset(), "limit": limit() }),
        ),
        tool(
            "read_notes",
            "Notes that earlier iterations left, the newest first, page by page.",
            &[],
            json!({ "offset": offset(), "limit": limit() }),
        ),
        tool(
            "what_is_left",
            "What is left of this iteration's limits: turns or tool calls, trials on validation examples, notes.",
            &[],
            json!({}),
        ),
    ]
}

/// The tools that compile a harness, try it, and submit it.
fn building_tools(language: HarnessLanguage) -> Vec<ToolSpec> {
    let complete = format!("the complete {} file", language.title());
    let code = || json!({ "type": "string", "description": complete });
    vec![
        tool(
            "check_harness",
            "Compiles a harness without submitting it.",
            &["code"],
            json!({ "code": code() }),
        ),
        tool(
            "try_harness",
            "Compiles a harness, lets it learn, and runs it without submitting it: on a few validation examples, of which there is a limit of trials, \
             or with split \"train\" by cross-validation on the train examples, without a limit: it learns from all folds but one and \
             answers that one.",
            &["code"],
            json!({
                "code": code(),
                "split": { "type": "string", "enum": ["val", "train"], "default": "val" },
                "example_ids": {
                    "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": MAX_TRIALS,
                    "description": "validation examples; not with split \"train\"",
                },
                "folds": {
                    "type": "integer", "minimum": FOLDS.start(), "maximum": FOLDS.end(),
                    "description": "with split \"train\"; 5 if nothing is said",
                },
                "rows": {
                    "type": "integer", "minimum": 2,
                    "description": "with split \"train\": how many train examples are used, evenly spread; all if nothing is said",
                },
                "verbose": {
                    "type": "boolean", "default": false,
                    "description": "with inputs, prompts, replies, stop reasons, tokens and fuel of up to 10 examples, and what learn did",
                },
            }),
        ),
        tool(
            "add_note",
            &format!(
                "Leaves a note for later iterations: what was learned of the task, the target or the tools. {MAX_NOTES} notes of \
                 {MAX_NOTE_BYTES} bytes at most; none can be changed."
            ),
            &["text"],
            json!({ "text": { "type": "string" } }),
        ),
        tool(
            "write_harness",
            "Submits the harness of this iteration. It must compile; if it does not, the diagnostics come back and it can be mended.",
            &["code", "reasoning"],
            json!({
                "code": code(),
                "reasoning": { "type": "string", "description": "hypothesis, evidence, mechanism, expectation; Markdown" },
            }),
        ),
    ]
}

fn tool(name: &str, description: &str, required: &[&str], properties: Value) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }),
    }
}
