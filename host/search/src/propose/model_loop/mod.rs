//! A conversation with a model: a tool loop from the first message to a harness that compiles, or to an end without one.
//!
//! `replies` gets the model's replies, from the record or anew; `turn` uses the tools of one turn; `window` keeps the
//! conversation within the model's window.

mod replies;
mod turn;
mod window;

use async_trait::async_trait;

use super::{
    Assignment, Outcome, Proposal, ProposeError, Proposer, Toolbox, instructions,
    recorded::{ProposerReply, RecordedProposal},
    specs_in,
    transcript::Transcript,
};
use jiff::Timestamp;
use mmh_models::{cancel::Cancel, metering::MeteredModel};
use mmh_record::{
    RecordError,
    chat::{Block, ChatMessage, ChatReply, ChatRequest, ChatRole, Control, StopReason, Usage},
    format::Cost,
    limits::Limits,
    pricing::Usd,
};
use turn::tool_calls;
use window::Window;

/// What a proposer is told when it answers without calling a tool.
const NUDGE: &str =
    "No tool was called. Read what you need, then submit a complete harness with write_harness.";

/// What a proposer is told when its reply was cut before the first tool call.
const CUT: &str = "Your reply was cut off at its limit of tokens before you called a tool. Be brief: call the next \
     tool, or submit a smaller harness with write_harness.";

/// How often a proposer is reminded in a row before its iteration ends.
const MAX_NUDGES: u32 = 2;

/// A proposer that is a conversation with a model.
pub struct ModelLoop {
    caller: MeteredModel,
    /// Limits of steps, tool calls and results.
    limits: Limits,
}

/// One candidate's conversation.
struct Conversation<'a> {
    transcript: &'a Transcript,
    /// The model, billed to the candidate's account.
    caller: MeteredModel,
    /// Ends it.
    cancel: &'a Cancel,
    request: ChatRequest,
    window: Window,
    /// Reminders in a row.
    nudges: u32,
    usage: Usage,
    cost: Usd,
}

#[async_trait]
impl Proposer for ModelLoop {
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError> {
        let mut conversation = self.begin(assignment).await;
        let model = &conversation.caller.model;
        assignment.transcript.start(model.id(), model.is_simulated(), &conversation.request)?;
        let outcome = self.converse(&mut conversation, toolbox).await?;
        let cost = Cost::of_proposer(conversation.usage, conversation.cost.as_f64());
        Ok(Proposal { outcome, cost, log: String::new() })
    }
}

impl ModelLoop {
    /// A proposer that asks this model, within these limits.
    pub fn new(caller: MeteredModel, limits: Limits) -> Self {
        Self { caller, limits }
    }

    /// The conversation of a candidate, before its first turn.
    async fn begin<'a>(&self, assignment: &'a Assignment<'_>) -> Conversation<'a> {
        let language = assignment.material.language();
        let request = ChatRequest {
            system: Some(instructions::system(language)),
            messages: vec![ChatMessage::text(ChatRole::User, &assignment.opening)],
            tools: specs_in(language),
            max_tokens: self.limits.proposer_reply_tokens,
            continues: true,
            ..ChatRequest::default()
        };
        let transcript = assignment.transcript;
        let mut conversation = Conversation {
            transcript,
            caller: self.caller.billed_to(&assignment.account),
            cancel: &assignment.account.cancel,
            request,
            window: Window::new(self.caller.model.window_tokens().await),
            nudges: 0,
            usage: Usage::default(),
            cost: Usd::ZERO,
        };
        let controls = transcript.past().controls.iter();
        controls.for_each(|control| conversation.pay(control.usage, control.cost));
        conversation
    }

    /// Lets the model work. Recorded turns of the conversation are not asked for again.
    async fn converse(
        &self,
        conversation: &mut Conversation<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Outcome, ProposeError> {
        for step in 1..=self.limits.proposer_steps {
            let claimed = conversation.past().again.as_ref().and_then(|again| again.trims(step));
            let removed = claimed.unwrap_or_else(|| conversation.window.make_room(&mut conversation.request));
            conversation.transcript.trimmed(step, removed)?;
            let reply = match conversation.next_reply(step, toolbox.times()).await? {
                Ok(reply) => reply,
                Err(outcome) => return Ok(outcome),
            };
            if reply.stop_reason == StopReason::Refusal {
                return Ok(Outcome::unsubmitted("proposer-refused", reply.text()));
            }
            if let Some(outcome) = conversation.end_of_cut_turn(step, &reply, toolbox)? {
                return Ok(outcome);
            }
            let answer = match self.answer(conversation, step, &reply, toolbox).await? {
                Some(answer) => answer,
                None => {
                    let turns = conversation.nudges;
                    let reason = format!("it answered {turns} times in a row without calling a tool");
                    return Ok(toolbox.unsubmitted(reason));
                }
            };
            if conversation.past().answer(step).is_none() {
                // Results of tools while the run is being stopped do not count: the turn is repeated later.
                if let Some(stop) = conversation.cancel.why() {
                    return Ok(Outcome::stopped(&stop));
                }
                conversation.transcript.answer(step, &answer)?;
            }
            if let Some(submission) = toolbox.take_submission() {
                return Ok(Outcome::Submitted(submission));
            }
            conversation.go_on(&reply, answer);
        }
        Ok(toolbox.unsubmitted(format!("it used up its {} steps", self.limits.proposer_steps)))
    }

    /// The next message to the model; nothing if it was reminded often enough.
    async fn answer(
        &self,
        conversation: &mut Conversation<'_>,
        step: u32,
        reply: &ChatReply,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Option<Vec<Block>>, ProposeError> {
        let cut = matches!(reply.stop_reason, StopReason::MaxTokens | StopReason::ModelContextWindowExceeded);
        let calls = tool_calls(reply);
        if !calls.is_empty() {
            conversation.nudges = 0;
            if let Some(answer) = conversation.past().answer(step) {
                turn::recall(calls, answer, toolbox).await?;
                return Ok(Some(answer.clone()));
            }
            return Ok(Some(self.use_tools(step, calls, cut, toolbox).await?));
        }
        conversation.nudges += 1;
        let words = if cut { CUT } else { NUDGE };
        Ok((conversation.nudges <= MAX_NUDGES).then(|| vec![Block::Text { text: words.into() }]))
    }
}

impl<'a> Conversation<'a> {
    fn past(&self) -> &'a RecordedProposal {
        self.transcript.past()
    }

    /// Records and counts a control request of this turn.
    fn record_control(&mut self, step: u32, at: Timestamp, control: Control) -> Result<(), RecordError> {
        self.transcript.control(step, at, control)?;
        self.pay(control.usage, control.cost);
        Ok(())
    }

    /// Counts tokens and their cost.
    fn pay(&mut self, usage: Usage, cost: Usd) {
        self.usage += usage;
        self.cost += cost;
    }

    /// Counts a reply.
    fn count(&mut self, ProposerReply { reply, cost, .. }: &ProposerReply) {
        self.pay(reply.usage, *cost);
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
