//! One iteration's proposal: a tool loop with the proposer model, from the first message to a harness that compiles, or
//! to an end without one.
//!
//! Not in here: which iterations there are, and what becomes of the proposal. See `search`.

pub(crate) mod again;
#[doc(hidden)]
pub mod arguments;
#[doc(hidden)]
pub mod history;
pub mod instructions;
mod recorded;
mod tools;
mod trials;
mod window;

use std::sync::Arc;

use jiff::Timestamp;

pub use history::History;
pub(crate) use recorded::{RecordedConversation, TRANSCRIPT};
pub use tools::specs;
pub(crate) use tools::{ToolContext, Toolbox};
pub(crate) use trials::Trials;

use again::{Again, Moment};
use recorded::Heard;
use window::Window;

use crate::{
    evaluate::sink::recordable,
    noted::Ending,
    progress::{self, Event, Observer},
};
use mmh_engine::{build::Built, compile::CompileError};
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::MeteredModel,
};
use mmh_record::{
    RecordError,
    append::Appender,
    chat::{
        Block, CallError, CallOutcome, ChatMessage, ChatReply, ChatRequest, ChatRole, Control, ModelError,
        StopReason, Usage,
    },
    clock::Clock,
    format::{ControlRow, Cost, TranscriptRow},
    limits::Limits,
    pricing::Usd,
};

/// What a proposer is told when it answers without calling a tool.
const NUDGE: &str =
    "No tool was called. Read what you need, then submit a complete harness with write_harness.";

/// What a proposer is told when its reply was cut before the first tool call.
const CUT: &str = "Your reply was cut off at its limit of tokens before you called a tool. Be brief: call the next \
     tool, or submit a smaller harness with write_harness.";

/// What a proposer is told about the tool call in which its reply was cut.
const CUT_CALL: &str = "Your reply was cut off at its limit of tokens in the middle of this call, so it was not made. \
     Send it again, whole and smaller.";

/// How often a proposer is reminded in a row before its iteration ends.
const MAX_NUDGES: u32 = 2;

/// The status of an iteration whose proposer gave no reply.
const PROPOSER_ERROR: &str = "proposer-error";

/// All results of a turn together may be this many times as large as one result.
const MAX_RESULTS_PER_TURN: u64 = 4;

/// The beginning of the result of a call that was not made, and of one reason for it.
const NOT_MADE: &str = "This call was not made: ";
const OUT_OF_TIME: &str = "the tools of one turn may take ";

/// The result of a proposer's work.
pub struct Proposal {
    /// How it ended.
    pub outcome: Outcome,
    /// What the proposer's calls cost, without trials.
    pub cost: Cost,
}

/// How a proposal ended.
pub enum Outcome {
    /// A harness that compiles and links.
    Submitted(Submission),
    /// No harness. This ends the iteration, not the run.
    Unsubmitted {
        /// Why, as a word, such as `gave-up`.
        status: String,
        /// Why, in words.
        reason: String,
    },
}

/// An accepted harness.
pub struct Submission {
    /// The Rust file.
    pub source: String,
    /// The proposer's reasoning, in Markdown.
    pub reasoning: String,
    /// The compiled source.
    pub built: Built,
}

/// The host cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// A source could not be compiled for a reason of the host.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The run's folder could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The conversation is repeated, and its record ends here.
    #[error("the record of the conversation ends")]
    RecordEnds,
}

/// Drives a proposer model through the tool loop.
pub struct Proposer {
    /// The model.
    pub caller: MeteredModel,
    /// Limits of steps, tool calls and results.
    pub limits: Limits,
    /// Dates what is recorded.
    pub clock: Clock,
    /// Told about tool calls.
    pub observer: Arc<dyn Observer>,
    /// Stops the conversation before its next call.
    pub cancel: Cancel,
}

/// One iteration's conversation.
struct Conversation<'a> {
    iteration: u32,
    request: ChatRequest,
    window: Window,
    /// Reminders in a row.
    nudges: u32,
    past: &'a RecordedConversation,
    transcript: &'a Appender,
    usage: Usage,
    cost: Usd,
}

impl Proposer {
    /// Lets the model work until it submits a harness or the iteration ends without one. Recorded turns of the
    /// conversation are not asked for again.
    pub(crate) async fn propose(
        &self,
        iteration: u32,
        opening: String,
        past: &RecordedConversation,
        toolbox: &mut Toolbox<'_>,
        transcript: &Appender,
    ) -> Result<Proposal, ProposeError> {
        let model = &self.caller.model;
        let mut talk = Conversation {
            iteration,
            request: self.opening_request(opening),
            window: Window::new(model.context_tokens()),
            nudges: 0,
            past,
            transcript,
            usage: Usage::default(),
            cost: Usd::ZERO,
        };
        past.controls.iter().for_each(|control| talk.paid(control.usage, control.cost));
        if !past.started {
            transcript.push(&TranscriptRow::Start {
                model: model.id().to_owned(),
                mock: model.is_simulated(),
                at: past.time(Moment::Start).unwrap_or_else(|| self.clock.now()),
                request: talk.request.clone(),
            })?;
        }
        let outcome = self.converse(&mut talk, toolbox).await?;
        if !past.is_ended() {
            let label = match &outcome {
                Outcome::Submitted(_) => "submitted".to_owned(),
                Outcome::Unsubmitted { status, reason } => format!("{status}: {reason}"),
            };
            let at = past.time(Moment::End).unwrap_or_else(|| self.clock.now());
            transcript.push(&TranscriptRow::End { at, outcome: label })?;
        }
        Ok(Proposal { outcome, cost: Cost::of_proposer(talk.usage, talk.cost.as_f64()) })
    }

    fn opening_request(&self, opening: String) -> ChatRequest {
        ChatRequest {
            system: Some(instructions::system()),
            messages: vec![ChatMessage::text(ChatRole::User, opening)],
            tools: specs(),
            max_tokens: self.limits.proposer_reply_tokens,
            continues: true,
            ..ChatRequest::default()
        }
    }

    async fn converse(
        &self,
        talk: &mut Conversation<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Outcome, ProposeError> {
        for step in 1..=self.limits.proposer_steps {
            let claimed = talk.past.again.as_ref().and_then(|again| again.trims(step));
            let taken = claimed.unwrap_or_else(|| talk.window.make_room(&mut talk.request));
            if !taken.is_empty() && !talk.past.trimmed(step) {
                talk.transcript.push(&TranscriptRow::Trimmed { step, tool_use_ids: taken })?;
            }
            let reply = match self.hear(talk, step).await? {
                Ok(reply) => reply,
                Err(outcome) => return Ok(outcome),
            };
            if reply.stop_reason == StopReason::Refusal {
                return Ok(unsubmitted("proposer-refused", reply.text()));
            }
            if let Some(outcome) = self.cut_again(talk, step, &reply, toolbox)? {
                return Ok(outcome);
            }
            let answer = match self.answer(talk, step, &reply, toolbox).await? {
                Some(answer) => answer,
                None => {
                    let reason = format!("it answered {} times in a row without calling a tool", talk.nudges);
                    return Ok(toolbox.unsubmitted(reason));
                }
            };
            if talk.past.answer(step).is_none() {
                // Results of tools while the run is being stopped do not count: the turn is repeated later.
                if let Some(stop) = self.cancel.why() {
                    return Ok(stopped(&stop));
                }
                let at = talk.past.time(Moment::Answer(step)).unwrap_or_else(|| self.clock.now());
                let row = TranscriptRow::Answer { step, at, content: answer.clone() };
                talk.transcript.push(&row)?;
            }
            if let Some(submission) = toolbox.take_submission() {
                return Ok(Outcome::Submitted(submission));
            }
            talk.go_on(&reply, answer);
        }
        Ok(toolbox.unsubmitted(format!("it used up its {} steps", self.limits.proposer_steps)))
    }

    /// The model's reply in this turn, from the record or asked for now. The inner error is the end of the iteration.
    async fn hear(
        &self,
        talk: &mut Conversation<'_>,
        step: u32,
    ) -> Result<Result<ChatReply, Outcome>, ProposeError> {
        if let Some(again) = &talk.past.again {
            return self.hear_again(again, talk, step).await;
        }
        if let Some(heard) = talk.past.reply(step) {
            talk.heard(heard);
            return Ok(Ok(heard.reply.clone()));
        }
        if let Some(end) = &talk.past.ended {
            // The conversation ended because this reply did not come.
            let (status, reason) = end.split_once(": ").unwrap_or((end, ""));
            return Ok(Err(unsubmitted(status, reason)));
        }
        if let Some(stop) = self.cancel.why() {
            return Ok(Err(stopped(&stop)));
        }
        let called = recordable(self.caller.call(&talk.request, None).await);
        if let Some(control) = called.control {
            talk.controlled(step, self.clock.now(), control)?;
        }
        let reply = match &called.result {
            Ok(reply) => reply.clone(),
            Err(error) => return Ok(Err(self.unanswered(error))),
        };
        let CallOutcome { cost, price_tier, attempts, latency_ms, .. } = called;
        let at = self.clock.now();
        let heard = Heard { reply: reply.clone(), cost, price_tier, attempts, at, latency_ms };
        talk.transcript.push(&heard.row(step))?;
        talk.heard(&heard);
        Ok(Ok(reply))
    }

    /// The same for a conversation that is repeated.
    async fn hear_again(
        &self,
        again: &Again,
        talk: &mut Conversation<'_>,
        step: u32,
    ) -> Result<Result<ChatReply, Outcome>, ProposeError> {
        for (at, control) in again.controls(step) {
            talk.controlled(step, at, control)?;
        }
        let Some(claimed) = talk.past.reply(step) else {
            return self.end_again(again, talk, step).map(Err);
        };
        let heard = match again.terms.is_simulated {
            true => again.simulated(self.caller.call(&talk.request, None).await, claimed),
            false => Some(again.heard(claimed)),
        };
        let Some(heard) = heard else { return self.end_again(again, talk, step).map(Err) };
        talk.transcript.push(&heard.row(step))?;
        talk.heard(&heard);
        Ok(Ok(heard.reply))
    }

    /// The end of a repeated conversation in a turn whose tools had not answered when the run was stopped or killed. What
    /// they had read and tried is taken from the record, because a resumed run does it again.
    fn cut_again(
        &self,
        talk: &Conversation<'_>,
        step: u32,
        reply: &ChatReply,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Option<Outcome>, ProposeError> {
        let Some(again) = &talk.past.again else { return Ok(None) };
        let gets_no_answer = tool_calls(reply).is_empty() && talk.nudges >= MAX_NUDGES;
        if gets_no_answer || again.is_answered(step) {
            return Ok(None);
        }
        toolbox.take_over_cut(again, step)?;
        self.end_again(again, talk, step).map(Some)
    }

    /// How a repeated conversation ends where its record ends.
    fn end_again(&self, again: &Again, talk: &Conversation<'_>, step: u32) -> Result<Outcome, ProposeError> {
        let end = talk.past.ended.as_deref();
        let (status, reason) = end.map_or(("", ""), |end| end.split_once(": ").unwrap_or((end, "")));
        match &again.terms.ending {
            Ending::Stopped(stop) if end.is_none() || Stop::is_status(status) => {
                self.cancel.stop(stop.clone());
                Ok(end.map_or_else(|| stopped(stop), |_| unsubmitted(status, reason)))
            }
            _ if status == PROPOSER_ERROR && !again.terms.is_simulated => Ok(unsubmitted(status, reason)),
            Ending::Open => {
                // It was stopped, and the resumed run has not reached it yet.
                if let (Some(end), true) = (end, Stop::is_status(status)) {
                    let at = talk.past.time(Moment::End).unwrap_or_else(|| self.clock.now());
                    talk.transcript.push(&TranscriptRow::End { at, outcome: end.to_owned() })?;
                }
                Err(ProposeError::RecordEnds)
            }
            _ => {
                again.unheard(step);
                Err(ProposeError::RecordEnds)
            }
        }
    }

    /// The end of an iteration whose proposer gave no reply.
    fn unanswered(&self, error: &CallError) -> Outcome {
        let status = match (error, self.cancel.why()) {
            (CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_)), Some(stop)) => stop.status(),
            _ => PROPOSER_ERROR,
        };
        unsubmitted(status, error.to_string())
    }

    /// The next message to the model; nothing if it was reminded often enough.
    async fn answer(
        &self,
        talk: &mut Conversation<'_>,
        step: u32,
        reply: &ChatReply,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Option<Vec<Block>>, ProposeError> {
        let cut = matches!(reply.stop_reason, StopReason::MaxTokens | StopReason::ModelContextWindowExceeded);
        let calls = tool_calls(reply);
        if !calls.is_empty() {
            talk.nudges = 0;
            if let Some(answer) = talk.past.answer(step) {
                recall(calls, answer, toolbox).await?;
                return Ok(Some(answer.clone()));
            }
            return Ok(Some(self.use_tools(talk.iteration, step, calls, cut, toolbox).await?));
        }
        talk.nudges += 1;
        let words = if cut { CUT } else { NUDGE };
        Ok((talk.nudges <= MAX_NUDGES).then(|| vec![Block::Text { text: words.into() }]))
    }

    /// Runs all tools of one turn, in their order. With `cut`, the reply was cut in the last call, even if its arguments
    /// look complete.
    async fn use_tools(
        &self,
        iteration: u32,
        step: u32,
        calls: Vec<ToolCall>,
        cut: bool,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Vec<Block>, ProposeError> {
        let (mut results, mut tools) = (Vec::with_capacity(calls.len()), Vec::with_capacity(calls.len()));
        toolbox.begin_turn(step);
        let (last, mut bytes) = (calls.len() - 1, 0);
        for (at, call) in calls.into_iter().enumerate() {
            let (id, name) = (call.id.clone(), call.name.clone());
            toolbox.begin_call(at);
            let result = match self.not_made(at, bytes, toolbox) {
                _ if cut && at == last => Err(CUT_CALL.to_owned()),
                Some(why) => Err(why),
                None => toolbox.call(call).await?,
            };
            let (content, is_error) = match result {
                Ok(content) => (content, false),
                Err(content) => (content, true),
            };
            bytes += content.len() as u64;
            tools.push(progress::ToolCall { tool: name, refused: is_error });
            results.push(Block::ToolResult { tool_use_id: id, content, is_error });
        }
        self.observer.on(Event::ToolsCalled { iteration, step, tools });
        Ok(results)
    }

    /// Why a turn's next call is not made, if there are too many calls, if their results are too large, or if their time
    /// is over. Each call needs a result, so each gets this reason.
    fn not_made(&self, at: usize, bytes: u64, toolbox: &Toolbox<'_>) -> Option<String> {
        let Limits { turn_tool_calls, turn_tools_ms, tool_result_bytes, .. } = self.limits;
        let why = if at as u64 >= turn_tool_calls.into() {
            format!("one turn may have {turn_tool_calls} tool calls (--turn-tool-calls)")
        } else if let Some(recorded) = toolbox.was_out_of_time() {
            return Some(recorded);
        } else if toolbox.time_left().is_zero() {
            let seconds = turn_tools_ms / 1000;
            format!("{OUT_OF_TIME}{seconds} s together (--turn-tools-timeout-s)")
        } else if bytes > MAX_RESULTS_PER_TURN * tool_result_bytes {
            "the other results of this turn are too large to add another".to_owned()
        } else {
            return None;
        };
        Some(format!("{NOT_MADE}{why}. Call the tool again in your next turn."))
    }
}

impl Conversation<'_> {
    /// Records and counts a control request of this turn.
    fn controlled(&mut self, step: u32, at: Timestamp, control: Control) -> Result<(), RecordError> {
        self.transcript.push(&TranscriptRow::Control { step, at, control: ControlRow::of(control) })?;
        self.paid(control.usage, control.cost);
        Ok(())
    }

    /// Counts tokens and their cost.
    fn paid(&mut self, usage: Usage, cost: Usd) {
        self.usage += usage;
        self.cost += cost;
    }

    /// Counts a reply.
    fn heard(&mut self, Heard { reply, cost, .. }: &Heard) {
        self.paid(reply.usage, *cost);
        self.window.replied(reply);
        if reply.stop_reason == StopReason::ModelContextWindowExceeded {
            self.window.overflowed();
        }
    }

    /// Adds the reply and the answer to the conversation.
    fn go_on(&mut self, reply: &ChatReply, answer: Vec<Block>) {
        self.window.added(&answer);
        self.request.must_call_tool = self.nudges > 0;
        self.request.messages.extend([ChatMessage::assistant(reply), ChatMessage::user(answer)]);
    }
}

fn unsubmitted(status: &str, reason: impl Into<String>) -> Outcome {
    Outcome::Unsubmitted { status: status.to_owned(), reason: reason.into() }
}

fn stopped(stop: &Stop) -> Outcome {
    unsubmitted(stop.status(), format!("stopped while the proposer worked: {}", stop.reason()))
}

/// Repeats the changes that the tools of a turn have made, from their recorded results.
async fn recall(
    calls: Vec<ToolCall>,
    answer: &[Block],
    toolbox: &mut Toolbox<'_>,
) -> Result<(), ProposeError> {
    // One result for each call, in their order.
    for (call, block) in calls.into_iter().zip(answer) {
        if let Block::ToolResult { content, is_error, .. } = block {
            let result = if *is_error { Err(content.clone()) } else { Ok(content.clone()) };
            toolbox.recall(call, &result).await?;
        }
    }
    Ok(())
}

/// A tool call that the model asks for.
pub struct ToolCall {
    /// The call's id, which its result repeats.
    pub id: String,
    /// The tool's name, which need not exist.
    pub name: String,
    /// The arguments, as the model wrote them.
    pub input: serde_json::Value,
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
