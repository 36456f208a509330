//! A tool host without a compiler: it plays the harnesses that the proposer writes.
//!
//! It reads the mechanisms and tables off the source and asks the simulated target the way the source
//! would. That the source does so itself is for the tests that compile it.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde_json::{Value, json};

use super::tickets::{INSTRUCTIONS, INTENTS, TRAIN_ROWS};
use crate::{
    proposer::{
        SimulatedProposer,
        ideas::{Mechanism, set_in},
        literal::table_in,
    },
    target::{SimulatedTarget, text::stems},
};
use mmh_models::ChatModel;
use mmh_record::chat::{Block, ChatMessage, ChatReply, ChatRequest, ChatRole, StopReason};

const MAX_TURNS: usize = 20;

/// What rustc says about the slips, by the piece of source that is missing.
const COMPLAINTS: &[(&str, &str)] = &[
    ("model.complete(request)?", "expected `&Request`, found `Request`"),
    ("read_label(task, reply.text)", "expected `&str`, found `String`"),
    ("const REPLY_TOKENS: usize", "expected `u32`, found `usize`"),
    ("let text = format!", "cannot borrow `text` as mutable"),
];

pub(super) struct Iteration {
    pub source: String,
    pub reasoning: String,
    /// The answer to each row of the split that counts.
    pub outcomes: Vec<(bool, Option<String>)>,
}

impl Iteration {
    pub(super) fn n_correct(&self) -> usize {
        self.outcomes.iter().filter(|(correct, _)| *correct).count()
    }
}

#[derive(Debug)]
pub(super) struct Ending {
    pub submitted: bool,
    /// How many submissions did not compile.
    pub refused: usize,
    pub turns: usize,
    pub last_words: String,
}

pub(super) struct ToolHost {
    target: SimulatedTarget,
    pub iterations: Vec<Iteration>,
}

/// Training rows, or those that are scored on, as (text, label).
pub(super) fn rows(train: bool) -> Vec<(&'static str, &'static str)> {
    let of =
        |texts: &'static [&'static str; 12]| if train { &texts[..TRAIN_ROWS] } else { &texts[TRAIN_ROWS..] };
    INTENTS.iter().flat_map(|(label, texts)| of(texts).iter().map(move |text| (*text, *label))).collect()
}

/// Waits for a reply that needs no runtime.
pub(super) fn chat(model: &impl ChatModel, request: &ChatRequest) -> ChatReply {
    match pin!(model.chat(request)).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => reply.unwrap(),
        Poll::Pending => panic!("a simulated model never waits"),
    }
}

impl ToolHost {
    /// With a zero-shot harness as iteration 0.
    pub(super) fn new(seed: u64) -> Self {
        let mut host = Self { target: SimulatedTarget::new(seed), iterations: Vec::new() };
        host.accept("//! Zero-shot.\n".to_owned(), "baseline".to_owned());
        host
    }

    /// Lets a proposer write one iteration.
    pub(super) fn run(&mut self, proposer: &SimulatedProposer) -> Ending {
        let labels: String = INTENTS.iter().map(|(label, _)| format!("- {label}\n")).collect();
        let brief = format!(
            "Write the harness of iteration {}.\n\nTask: tickets. {INSTRUCTIONS}\nLabels:\n{labels}",
            self.iterations.len()
        );
        let mut request = ChatRequest {
            messages: vec![ChatMessage::text(ChatRole::User, brief)],
            max_tokens: 9_000,
            ..Default::default()
        };
        let mut ending = Ending { submitted: false, refused: 0, turns: 0, last_words: String::new() };
        for turn in 1..=MAX_TURNS {
            let reply = chat(proposer, &request);
            request.messages.push(ChatMessage::assistant(&reply));
            (ending.turns, ending.last_words) = (turn, reply.text());
            assert!(ending.last_words.contains("simulated"));
            if reply.stop_reason == StopReason::EndTurn {
                break;
            }
            let results = reply.content.iter().filter_map(|block| match block {
                Block::ToolUse { id, name, input } => Some(self.result(id, name, input, &mut ending)),
                _ => None,
            });
            request.messages.push(ChatMessage::user(results.collect()));
        }
        ending
    }

    fn result(&mut self, id: &str, name: &str, input: &Value, ending: &mut Ending) -> Block {
        let result = self.call(name, input, ending);
        let (content, is_error) = result.map_or_else(|error| (error, true), |content| (content, false));
        Block::ToolResult { tool_use_id: id.to_owned(), content, is_error }
    }

    fn call(&mut self, name: &str, input: &Value, ending: &mut Ending) -> Result<String, String> {
        let code = input["code"].as_str().unwrap_or_default().to_owned();
        let iteration = || self.iterations.get(input["iteration"].as_u64()? as usize);
        match name {
            "scoreboard" => Ok(self.scoreboard()),
            "read_harness" => iteration().map(|one| one.source.clone()).ok_or("no such iteration".into()),
            "read_reasoning" => {
                iteration().map(|one| one.reasoning.clone()).ok_or("no such iteration".into())
            }
            "read_eval_trace" => {
                iteration().map(|one| failures(one, input)).ok_or("no such iteration".into())
            }
            "read_train" => Ok(train(input)),
            "check_harness" => Ok(match complaint(&code) {
                Some(diagnostics) => json!({ "ok": false, "diagnostics": diagnostics }).to_string(),
                None => json!({ "ok": true }).to_string(),
            }),
            "write_harness" => {
                if let Some(diagnostics) = complaint(&code) {
                    ending.refused += 1;
                    return Err(
                        json!({ "accepted": false, "reason": "did-not-compile", "diagnostics": diagnostics })
                            .to_string(),
                    );
                }
                self.accept(code, input["reasoning"].as_str().unwrap_or_default().to_owned());
                ending.submitted = true;
                Ok(json!({ "accepted": true }).to_string())
            }
            _ => Err(format!("there is no tool {name} in this test")),
        }
    }

    fn scoreboard(&self) -> String {
        let row = |(number, one): (usize, &Iteration)| {
            let accuracy = one.n_correct() as f64 / one.outcomes.len() as f64;
            json!({ "iteration": number, "status": "scored", "accuracy": accuracy, "n_correct": one.n_correct(), "n_examples": one.outcomes.len() })
        };
        let best = (0..self.iterations.len()).rev().max_by_key(|number| self.iterations[*number].n_correct());
        json!({ "best": best, "iterations": self.iterations.iter().enumerate().map(row).collect::<Vec<_>>() })
            .to_string()
    }

    fn accept(&mut self, source: String, reasoning: String) {
        let outcomes = rows(false).into_iter().map(|(text, gold)| {
            let label = self.predict(&source, text);
            (label.as_deref() == Some(gold), label)
        });
        let outcomes = outcomes.collect();
        self.iterations.push(Iteration { source, reasoning, outcomes });
    }

    /// Asks as the harness would that this source is of. A verdict is left out: it is the first opinion.
    fn predict(&self, source: &str, text: &str) -> Option<String> {
        let set = set_in(source);
        let parameter =
            |mechanism| set.iter().find(|one| one.mechanism == mechanism).map(|one| one.parameter as usize);
        let offered = tuples(source, "OFFERED");
        let is_offered = |label: &str| offered.is_empty() || offered.iter().any(|row| row[0] == label);
        let mut examples: Vec<Vec<String>> = tuples(source, "EXAMPLES");
        examples.extend(parameter(Mechanism::Retrieve).map_or(Vec::new(), |wanted| nearest(text, wanted)));
        let mut prompt = format!("{INSTRUCTIONS}\n\nLabels:\n");
        prompt.extend(
            INTENTS.iter().filter(|(label, _)| is_offered(label)).map(|(label, _)| format!("- {label}\n")),
        );
        prompt += "\nHints:\n";
        let hints = tuples(source, "HINTS");
        prompt.extend(
            hints.iter().map(|row| {
                format!("- If the text mentions {}, prefer {} over {}.\n", row[0], row[1], row[2])
            }),
        );
        prompt += match parameter(Mechanism::Reason) {
            Some(_) => {
                "\nThink step by step, then reply with JSON: {\"reasoning\": \"...\", \"label\": \"...\"}\n\n"
            }
            None => "\nAnswer with exactly one of the labels above, and nothing else.\n\n",
        };
        let shown = examples.iter().filter(|row| is_offered(&row[1]));
        prompt.extend(shown.map(|row| format!("Text: {}\nLabel: {}\n\n", row[0], row[1])));
        prompt += &format!("Text: {text}\nLabel:");
        let request = ChatRequest {
            messages: vec![ChatMessage::text(ChatRole::User, prompt)],
            max_tokens: 400,
            ..Default::default()
        };
        let reply = chat(&self.target, &request).text().to_lowercase();
        let found = INTENTS.iter().filter_map(|(label, _)| Some((reply.rfind(label)?, *label)));
        found.max().map(|(_, label)| label.to_owned())
    }
}

/// The rows of a table in a source, each as its string literals.
fn tuples(source: &str, name: &str) -> Vec<Vec<String>> {
    let width = match name {
        "OFFERED" => 1,
        "EXAMPLES" => 2,
        _ => 3,
    };
    let table = table_in(source, name).unwrap_or_default();
    let rows = table.split_once("= &[").map_or("", |(_, rows)| rows.trim_end().trim_end_matches("];"));
    let literals: Vec<String> = rows.lines().flat_map(literals).collect();
    literals.chunks(width).map(<[String]>::to_vec).collect()
}

/// The string literals of a line; what they escape here, JSON escapes alike.
fn literals(line: &str) -> Vec<String> {
    let inner = line.trim().trim_end_matches(',').trim_start_matches('(').trim_end_matches(')');
    serde_json::from_str(&format!("[{}]", inner.replace("), (", ", "))).unwrap_or_default()
}

fn nearest(text: &str, wanted: usize) -> Vec<Vec<String>> {
    let asked = stems(text);
    let mut rows = rows(true);
    rows.sort_by_key(|(other, _)| {
        std::cmp::Reverse(stems(other).iter().filter(|stem| asked.contains(stem)).count())
    });
    rows.into_iter().take(wanted).map(|(text, label)| vec![text.to_owned(), label.to_owned()]).collect()
}

fn failures(iteration: &Iteration, input: &Value) -> String {
    let all = rows(false)
        .into_iter()
        .zip(&iteration.outcomes)
        .enumerate()
        .filter(|(_, (_, (correct, _)))| !correct);
    let all: Vec<Value> = all.map(|(at, ((text, gold), (_, label)))| {
        json!({ "example_id": format!("val-{at:04}"), "input": text, "gold_label": gold, "predicted_label": label, "correct": false, "error_kind": "ok" })
    }).collect();
    paged(&all, input)
}

fn train(input: &Value) -> String {
    let wanted = |label: &str| input["label"].as_str().is_none_or(|wanted| wanted == label);
    let all = rows(true).into_iter().filter(|(_, label)| wanted(label));
    paged(&all.map(|(text, label)| json!({ "input": text, "label": label })).collect::<Vec<_>>(), input)
}

fn paged(all: &[Value], input: &Value) -> String {
    let number = |key: &str, default: u64| input[key].as_u64().unwrap_or(default) as usize;
    let page: Vec<&Value> = all.iter().skip(number("offset", 0)).take(number("limit", 20)).collect();
    json!({ "total": all.len(), "offset": number("offset", 0), "returned": page.len(), "examples": page })
        .to_string()
}

/// What rustc would say about a source with a slip in it.
fn complaint(source: &str) -> Option<String> {
    let (slip, what) = COMPLAINTS.iter().find(|(slip, _)| source.contains(slip))?;
    // Where rustc points: at the use of the constant, at the statement that needs the `mut`.
    let (needle, offset) = match *slip {
        "const REPLY_TOKENS: usize" => ("max_tokens(REPLY_TOKENS", "max_tokens(".len()),
        "let text = format!" => ("text += ", 0),
        slip => (slip, slip.rfind(['(', ' ']).map_or(0, |at| at + 1)),
    };
    let (number, line) = source.lines().enumerate().find(|(_, line)| line.contains(needle))?;
    let (line_number, column) = (number + 1, line.find(needle)? + offset + 1);
    let (code, message) =
        if what.starts_with("cannot") { ("E0596", *what) } else { ("E0308", "mismatched types") };
    let marks = "^".repeat(4);
    Some(format!(
        "error[{code}]: {message}\n  --> harness.rs:{line_number}:{column}\n   |\n{line_number} | {line}\n   | {marks} {what}\n\nerror: aborting due to 1 previous error\n"
    ))
}
