//! One iteration's proposal: a tool loop with the proposer model, from the first message to a harness
//! that compiles, or to giving up.
//!
//! Not in here: which iterations there are and what becomes of the proposal. See `search`.

mod arguments;
mod history;
pub mod instructions;
pub mod simulated;
mod tools;

use std::sync::Arc;

pub use history::History;
pub use tools::{Toolbox, specs};

use crate::{
    build::Built,
    cancel::Cancel,
    clock::Clock,
    compile::CompileError,
    limits::Limits,
    model::{Block, ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole, Usage},
    pricing::Price,
    progress::{self, Event, Observer},
    record::{
        RecordError,
        append::Appender,
        format::{Cost, TranscriptRow},
    },
};

/// What a proposer is told when it answers without calling a tool.
const NUDGE: &str =
    "No tool was called. Read what you need, then submit a complete harness with write_harness.";

/// How often a proposer is reminded in a row before its iteration ends.
const MAX_NUDGES: u32 = 2;

/// What came of a proposer's work.
pub struct Proposal {
    pub outcome: Outcome,
    pub cost: Cost,
}

/// How a proposal ended.
pub enum Outcome {
    /// A harness that compiles and links.
    Submitted(Submission),
    /// No harness: a result, and the end of the iteration, not of the run.
    Unsubmitted { status: &'static str, reason: String },
}

/// A harness as it was accepted.
pub struct Submission {
    pub source: String,
    pub reasoning: String,
    pub built: Built,
}

/// The host could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Drives a proposer model through the tool loop.
pub struct Proposer {
    pub model: Arc<dyn ChatModel>,
    pub price: Price,
    pub limits: Limits,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
    pub cancel: Cancel,
}

impl Proposer {
    /// Lets the model work until it has submitted, or cannot any more.
    pub async fn propose(
        &self,
        iteration: u32,
        opening: String,
        toolbox: &mut Toolbox<'_>,
        transcript: &Appender,
    ) -> Result<Proposal, ProposeError> {
        let mut request = self.opening_request(opening);
        transcript.push(&TranscriptRow::Start {
            model: self.model.id().to_owned(),
            mock: self.model.is_simulated(),
            at: self.clock.now(),
            request: request.clone(),
        })?;
        let mut spent = (Usage::default(), 0.0);
        let outcome = self.converse(iteration, &mut request, toolbox, transcript, &mut spent).await?;
        let label = match &outcome {
            Outcome::Submitted(_) => "submitted".to_owned(),
            Outcome::Unsubmitted { status, reason } => format!("{status}: {reason}"),
        };
        transcript.push(&TranscriptRow::End { at: self.clock.now(), outcome: label })?;
        Ok(Proposal { outcome, cost: Cost::of_proposer(spent.0, spent.1) })
    }

    fn opening_request(&self, opening: String) -> ChatRequest {
        ChatRequest {
            system: Some(instructions::system()),
            messages: vec![ChatMessage::text(ChatRole::User, opening)],
            tools: specs(),
            max_tokens: self.limits.proposer_reply_tokens,
            ..ChatRequest::default()
        }
    }

    async fn converse(
        &self,
        iteration: u32,
        request: &mut ChatRequest,
        toolbox: &mut Toolbox<'_>,
        transcript: &Appender,
        spent: &mut (Usage, f64),
    ) -> Result<Outcome, ProposeError> {
        let mut nudges = 0;
        for step in 1..=self.limits.proposer_steps {
            if self.cancel.is_cancelled() {
                return Ok(unsubmitted("interrupted", "the run was stopped while the proposer worked"));
            }
            let stopwatch = self.clock.start();
            let reply = match self.model.chat(request).await {
                Ok(reply) => reply,
                Err(error) => return Ok(unsubmitted("proposer-error", error.to_string())),
            };
            let cost_usd = self.price.of(reply.usage);
            spent.0 += reply.usage;
            spent.1 += cost_usd;
            let (at, latency_ms) = (self.clock.now(), stopwatch.elapsed_ms());
            transcript.push(&TranscriptRow::Reply {
                step,
                at,
                reply: reply.clone(),
                cost_usd,
                latency_ms,
            })?;
            let calls = tool_calls(&reply);
            request.messages.push(ChatMessage { role: ChatRole::Assistant, content: reply.content });
            let answer = if calls.is_empty() {
                nudges += 1;
                if nudges > MAX_NUDGES {
                    let reason = format!("it answered {nudges} times in a row without calling a tool");
                    return Ok(toolbox.unsubmitted(reason));
                }
                vec![Block::Text { text: NUDGE.into() }]
            } else {
                nudges = 0;
                self.answer(iteration, step, calls, toolbox).await?
            };
            let row = TranscriptRow::Answer { step, at: self.clock.now(), content: answer.clone() };
            transcript.push(&row)?;
            if let Some(submission) = toolbox.take_submission() {
                return Ok(Outcome::Submitted(submission));
            }
            request.messages.push(ChatMessage { role: ChatRole::User, content: answer });
        }
        Ok(toolbox.unsubmitted(format!("it used up its {} steps", self.limits.proposer_steps)))
    }

    /// Runs all tools of one turn, in their order.
    async fn answer(
        &self,
        iteration: u32,
        step: u32,
        calls: Vec<ToolCall>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Vec<Block>, ProposeError> {
        let (mut results, mut tools) = (Vec::with_capacity(calls.len()), Vec::with_capacity(calls.len()));
        for ToolCall { id, name, input } in calls {
            let result = toolbox.call(&name, input).await?;
            let (content, is_error) = match result {
                Ok(content) => (content, false),
                Err(content) => (content, true),
            };
            tools.push(progress::ToolCall { tool: name, refused: is_error });
            results.push(Block::ToolResult { tool_use_id: id, content, is_error });
        }
        self.observer.on(Event::ToolsCalled { iteration, step, tools });
        Ok(results)
    }
}

fn unsubmitted(status: &'static str, reason: impl Into<String>) -> Outcome {
    Outcome::Unsubmitted { status, reason: reason.into() }
}

/// A tool that the model wants to be called.
struct ToolCall {
    id: String,
    name: String,
    input: serde_json::Value,
}

fn tool_calls(reply: &ChatReply) -> Vec<ToolCall> {
    let calls = reply.content.iter().filter_map(|block| match block {
        Block::ToolUse { id, name, input } => {
            Some(ToolCall { id: id.clone(), name: name.clone(), input: input.clone() })
        }
        _ => None,
    });
    calls.collect()
}
