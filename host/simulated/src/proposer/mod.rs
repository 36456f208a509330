//! A simulated proposer, for runs without a provider.
//!
//! It drives the same tool loop as a real model, by emitting the same tool calls: it reads the
//! scoreboard, the best harness and its failures, then training rows, picks an idea that was not tried,
//! and writes a harness in the language of the search made of what it read. It follows a list of ideas, then combinations of them, and
//! understands nothing; of scores it knows what the tools tell. It keeps no state: each step follows from the conversation.

mod combinations;
mod conversation;
mod draft;
mod ideas;
mod literal;
mod mend;
mod mine;
mod pieces;
mod python;
mod reasoning;
mod source;
mod study;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::target::{input_tokens, text::tokens};
use conversation::Conversation;
use draft::{Verdict, in_haste, next_source, verdict};
use ideas::Plan;
use mmh_models::{ChatError, ChatModel};
use mmh_record::chat::{Block, ChatReply, ChatRequest, ModelError, StopReason, Usage};
use source::Draft;
use study::Study;

/// Failures per page, and pages read at most.
const PAGE: u64 = 20;
const MAX_PAGES: u64 = 5;
/// Training rows per label.
const ROWS: u64 = 20;
/// Tool calls in one turn at most, where several are of one kind.
const MAX_CALLS: usize = 8;
/// Earlier reasonings that are read at most, where the scoreboard does not tell their ideas.
const MAX_REASONINGS: usize = 16;
/// After so many turns it stops reading and writes.
const TURNS_TO_READ: usize = 8;
/// After so many refusals it gives up.
const MAX_REFUSALS: usize = 4;
/// How many of the failures a harness is tried on before it is submitted.
const TRIALS: usize = 4;

/// The simulated proposer. Deterministic by seed and conversation.
#[derive(Clone, Debug)]
pub struct SimulatedProposer {
    seed: u64,
}

/// What it does next: words, and the tool calls that go with them. No calls: it has ended.
struct Step {
    says: String,
    calls: Vec<(&'static str, Value)>,
}

impl Step {
    fn new(says: impl Into<String>, calls: Vec<(&'static str, Value)>) -> Self {
        Self { says: says.into(), calls }
    }

    fn end(says: impl Into<String>) -> Self {
        Self::new(says, Vec::new())
    }
}

impl SimulatedProposer {
    /// A proposer whose slips and choices vary by seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn next(&self, conversation: &Conversation) -> Step {
        if let Some(end) = ended(conversation) {
            return end;
        }
        let study = Study::of(conversation);
        let may_read = conversation.turns < TURNS_TO_READ;
        let reading = may_read
            .then(|| read_history(conversation, &study).or_else(|| read_failures(conversation, &study)));
        if let Some(step) = reading.flatten() {
            return step;
        }
        let last = study.past.iter().map(|past| past.iteration + 1).max();
        let iteration = conversation.brief.iteration.or(last).unwrap_or_default();
        let plan = Plan::of(&study, self.seed, iteration, &[]);
        if may_read && let Some(step) = read_train(conversation, &study, &plan) {
            return step;
        }
        self.submit(conversation, &study, &draft::draft(&study, self.seed, iteration))
    }

    /// Checks, tries and submits a draft, one step at a time; mends what was refused.
    fn submit(&self, conversation: &Conversation, study: &Study, draft: &Draft) -> Step {
        let hasty = in_haste(study, draft);
        let code = next_source(conversation, draft, hasty.then_some(self.seed));
        let submitted = conversation.of("write_harness").next().is_some();
        let what = draft.idea.map_or("a plain zero-shot harness".to_owned(), reasoning::title);
        let careful = !hasty && !submitted && conversation.turns < TURNS_TO_READ + 2;
        if careful && conversation.may_first("check_harness") {
            return Step::new(
                format!("My idea: {what}. First: does it compile?"),
                vec![("check_harness", json!({ "code": code }))],
            );
        }
        let ids: Vec<&str> =
            study.failures.iter().take(TRIALS).map(|failure| failure.example_id.as_str()).collect();
        if careful && !ids.is_empty() && conversation.may_first("try_harness") {
            let says = "It is worth a try on a few of the examples that fail.";
            return Step::new(says, vec![("try_harness", json!({ "code": code, "example_ids": ids }))]);
        }
        let says = match (submitted, hasty) {
            (true, _) => "The diagnostics say what is wrong. Mended; submitting again.".to_owned(),
            (false, true) => format!("My idea: {what}. It is simple enough to submit at once."),
            (false, false) => format!("Submitting: {what}."),
        };
        let reasoning = reasoning::reasoning(study, draft, conversation);
        Step::new(says, vec![("write_harness", json!({ "code": code, "reasoning": reasoning }))])
    }
}

/// Whether it is over: accepted, or refused too often.
fn ended(conversation: &Conversation) -> Option<Step> {
    let mut refusals = 0;
    for call in conversation.of("write_harness") {
        match verdict(call) {
            Verdict::Fine => return Some(Step::end("The harness is accepted; this iteration is done.")),
            Verdict::Failed(_) => refusals += 1,
        }
    }
    (refusals >= MAX_REFUSALS).then(|| Step::end("I give up: the harness was refused too often."))
}

/// The scoreboard, then the best harness and whatever reasoning says which ideas were tried.
fn read_history(conversation: &Conversation, study: &Study) -> Option<Step> {
    if conversation.may_first("scoreboard") {
        let mut calls = vec![("scoreboard", json!({}))];
        if conversation.may_first("read_sdk") {
            calls.push(("read_sdk", json!({})));
        }
        return Some(Step::new("First the scoreboard, and what the SDK offers.", calls));
    }
    if study.past.is_empty() && conversation.may_first("list_iterations") {
        return Some(Step::new(
            "The scoreboard tells nothing; maybe the list does.",
            vec![("list_iterations", json!({}))],
        ));
    }
    let best = study.best.as_ref()?;
    if !conversation.may_first("read_harness") {
        return None;
    }
    let mut calls = vec![("read_harness", json!({ "iteration": best.iteration }))];
    let unclear =
        study.past.iter().filter(|past| past.iteration > 0 && past.idea.is_none()).map(|past| past.iteration);
    let unclear = unclear.filter(|_| conversation.offers("read_reasoning")).take(MAX_REASONINGS);
    calls.extend(unclear.map(|iteration| ("read_reasoning", json!({ "iteration": iteration }))));
    Some(Step::new(format!("Iteration {:03} is the best. How does it work?", best.iteration), calls))
}

/// The best harness's score and first failures, then the other pages at once.
fn read_failures(conversation: &Conversation, study: &Study) -> Option<Step> {
    let iteration = study.best.as_ref()?.iteration;
    let page = |offset: u64| {
        let input = json!({ "iteration": iteration, "only_failures": true, "offset": offset, "limit": PAGE });
        ("read_eval_trace", input)
    };
    if conversation.may_first("read_eval_trace") {
        let mut calls = vec![page(0)];
        if conversation.may_first("read_score") {
            calls.push(("read_score", json!({ "iteration": iteration })));
        }
        return Some(Step::new("Which examples does it fail, and how?", calls));
    }
    let pages: Vec<_> = conversation.about("read_eval_trace", iteration).collect();
    let [first] = pages[..] else { return None };
    // The host may give less at a time than it was asked for.
    let per_page = first.json()["returned"].as_u64().filter(|returned| *returned > 0)?.min(PAGE);
    let offsets =
        (1..MAX_PAGES).map(|number| number * per_page).take_while(|offset| *offset < study.n_failures);
    let calls: Vec<_> = offsets.map(page).collect();
    let says = format!("{} failures in all; reading on.", study.n_failures);
    (!calls.is_empty()).then(|| Step::new(says, calls))
}

/// Training rows of the labels that are missed and of those they are taken for, if the plan needs them.
fn read_train(conversation: &Conversation, study: &Study, plan: &Plan) -> Option<Step> {
    if !conversation.offers("read_train") || !plan.reads_train() {
        return None;
    }
    let asked: Vec<&str> = conversation.of("read_train").map(|call| call.text("label")).collect();
    if study.labels.is_empty() || study.is_open {
        let says = match study.is_open {
            true => "The task is open; what do right answers of training rows look like?",
            false => "I do not know the labels; the training rows will tell.",
        };
        return asked.is_empty().then(|| Step::new(says, vec![("read_train", json!({ "limit": ROWS }))]));
    }
    let wanted = study.telling_labels(mine::MAX_LABELS);
    let calls = wanted.iter().filter(|label| !asked.contains(&label.as_str())).take(MAX_CALLS);
    let calls: Vec<_> = calls.map(|label| ("read_train", json!({ "label": label, "limit": ROWS }))).collect();
    let says = format!(
        "What do training rows of {} look like?",
        wanted.first().map_or("these labels", String::as_str)
    );
    (!calls.is_empty()).then(|| Step::new(says, calls))
}

#[async_trait]
impl ChatModel for SimulatedProposer {
    fn id(&self) -> &str {
        "simulated-proposer"
    }

    fn is_simulated(&self) -> bool {
        true
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        if request.messages.is_empty() {
            return Err(ModelError::Invalid("the conversation has no messages".into()).into());
        }
        let conversation = Conversation::read(request);
        let step = self.next(&conversation);
        Ok(reply(step, request, conversation.turns))
    }
}

fn reply(step: Step, request: &ChatRequest, turn: usize) -> ChatReply {
    let text = format!("(simulated) {}", step.says);
    let in_calls: u64 =
        step.calls.iter().map(|(name, input)| tokens(name) + tokens(&input.to_string())).sum();
    let usage = Usage {
        input_tokens: input_tokens(request),
        output_tokens: tokens(&text) + in_calls,
        ..Usage::default()
    };
    let stop_reason = if step.calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolUse };
    let mut content = vec![Block::Text { text }];
    for (at, (name, input)) in step.calls.into_iter().enumerate() {
        content.push(Block::ToolUse { id: format!("sim-{turn}-{at}"), name: name.to_owned(), input });
    }
    ChatReply { content, stop_reason, usage, ..ChatReply::default() }
}

#[cfg(test)]
mod tests;
