//! One iteration's proposal: a tool loop with the proposer model, from the first message to a harness
//! that compiles, or to giving up.
//!
//! Not in here: which iterations there are and what becomes of the proposal. See `search`.

pub mod again;
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
pub use recorded::{RecordedConversation, TRANSCRIPT};
pub use tools::{Toolbox, specs};
pub use trials::{TRIALS, Trials};

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

/// What it is told when its reply was cut before it came to a tool call.
const CUT: &str = "Your reply was cut off at its limit of tokens before you called a tool. Be brief: call the next \
     tool, or submit a smaller harness with write_harness.";

/// What it is told of a tool call in which its reply was cut.
const CUT_CALL: &str = "Your reply was cut off at its limit of tokens in the middle of this call, so it was not made. \
     Send it again, whole and smaller.";

/// How often a proposer is reminded in a row before its iteration ends.
const MAX_NUDGES: u32 = 2;

/// The status of an iteration whose proposer gave no reply.
const PROPOSER_ERROR: &str = "proposer-error";

/// Results of one turn may have so many times the size of one result.
const MAX_RESULTS_PER_TURN: u64 = 4;

/// How a result begins of a call that was not made, and why it was not.
const NOT_MADE: &str = "This call was not made: ";
const OUT_OF_TIME: &str = "the tools of one turn may take ";

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
    Unsubmitted { status: String, reason: String },
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
    /// The conversation is held again, and its record goes no further.
    #[error("the record of the conversation ends")]
    RecordEnds,
}

/// Drives a proposer model through the tool loop.
pub struct Proposer {
    pub caller: MeteredModel,
    pub limits: Limits,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
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
    /// Lets the model work until it has submitted, or cannot any more. What is on record of the
    /// conversation is not said again.
    pub async fn propose(
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
                // What tools say while the run is being stopped is no answer: the turn is taken up again.
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

    /// What the model says in this turn: from the record, or asked now. Or how the iteration ends.
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
            // It ended because this reply did not come.
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

    /// The same of a conversation that is held again.
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

    /// A turn whose tools had not answered when the run was stopped or killed. What they had read and tried
    /// until then is taken as it stands: it is done again when the run goes on.
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

    /// How a conversation ends that is held again, where its record goes no further.
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
                // It was stopped, and a run that goes on has not come to it yet.
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

    /// How an iteration ends whose proposer gave no reply.
    fn unanswered(&self, error: &CallError) -> Outcome {
        let status = match (error, self.cancel.why()) {
            (CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_)), Some(stop)) => stop.status(),
            _ => PROPOSER_ERROR,
        };
        unsubmitted(status, error.to_string())
    }

    /// What the model is told next, or nothing if it has been reminded often enough.
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

    /// Runs all tools of one turn, in their order. With `cut`, the reply ended in the middle of the last
    /// call, whatever its arguments look like.
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

    /// Why a turn's next call is not made, if its results, its number or the time of the others do not allow
    /// it. Every call wants an answer, so each is told.
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
    /// A control request was sent in this turn.
    fn controlled(&mut self, step: u32, at: Timestamp, control: Control) -> Result<(), RecordError> {
        self.transcript.push(&TranscriptRow::Control { step, at, control: ControlRow::of(control) })?;
        self.paid(control.usage, control.cost);
        Ok(())
    }

    /// Something was paid for.
    fn paid(&mut self, usage: Usage, cost: Usd) {
        self.usage += usage;
        self.cost += cost;
    }

    /// The model has said something.
    fn heard(&mut self, Heard { reply, cost, .. }: &Heard) {
        self.paid(reply.usage, *cost);
        self.window.replied(reply);
        if reply.stop_reason == StopReason::ModelContextWindowExceeded {
            self.window.overflowed();
        }
    }

    /// Adds one turn of each side.
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

/// Does again what the tools of a turn have changed, by their recorded results.
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

/// A tool that the model wants to be called.
pub struct ToolCall {
    pub id: String,
    pub name: String,
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
