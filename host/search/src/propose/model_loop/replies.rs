//! The model's replies in a conversation: from the record, or asked for now. An inner error is the end of the proposal.

use super::{Conversation, MAX_NUDGES, tool_calls};
use crate::{
    evaluate::sink::recordable,
    propose::{
        Outcome, PROPOSER_ERROR, ProposeError, Toolbox, again::Again, ending, recorded::ProposerReply,
    },
    times::{Part, Times},
};
use mmh_models::cancel::Stop;
use mmh_record::chat::{CallError, CallOutcome, ChatReply, ModelError};

impl Conversation<'_> {
    /// The model's reply in this turn.
    pub async fn next_reply(
        &mut self,
        step: u32,
        times: &Times,
    ) -> Result<Result<ChatReply, Outcome>, ProposeError> {
        let past = self.past();
        if let Some(again) = &past.again {
            return self.repeated_reply(again, step).await;
        }
        if let Some(recorded) = past.reply(step) {
            self.count(recorded);
            return Ok(Ok(recorded.reply.clone()));
        }
        if let Some(end) = &past.ended {
            // The conversation ended because this reply did not come.
            let (status, reason) = ending::parts(end);
            return Ok(Err(Outcome::unsubmitted(status, reason)));
        }
        if let Some(stop) = self.cancel.why() {
            return Ok(Err(Outcome::stopped(&stop)));
        }
        let called = times.during(Part::Proposer, self.caller.call(&self.request, None)).await;
        let called = recordable(called);
        if let Some(control) = called.control {
            self.record_control(step, self.transcript.now(), control)?;
        }
        let reply = match &called.result {
            Ok(reply) => reply.clone(),
            Err(error) => return Ok(Err(self.unanswered(error))),
        };
        let CallOutcome { cost, price_tier, attempts, latency_ms, .. } = called;
        let at = self.transcript.now();
        let reply = ProposerReply { reply, cost, price_tier, attempts, at, latency_ms };
        self.transcript.reply(step, &reply)?;
        self.count(&reply);
        Ok(Ok(reply.reply))
    }

    /// The same for a conversation that is repeated.
    async fn repeated_reply(
        &mut self,
        again: &Again,
        step: u32,
    ) -> Result<Result<ChatReply, Outcome>, ProposeError> {
        for (at, control) in again.controls(step) {
            self.record_control(step, at, control)?;
        }
        let Some(claimed) = self.past().reply(step) else { return self.end(again, step).map(Err) };
        let reply = match again.terms.is_simulated {
            true => again.simulated(self.caller.call(&self.request, None).await, claimed),
            false => Some(again.billed(claimed)),
        };
        let Some(reply) = reply else { return self.end(again, step).map(Err) };
        self.transcript.reply(step, &reply)?;
        self.count(&reply);
        Ok(Ok(reply.reply))
    }

    /// The end of a repeated conversation in a turn whose tools had not answered when the run was stopped or killed. What
    /// they had read and tried is taken from the record, because a resumed run does it again.
    pub fn end_of_cut_turn(
        &self,
        step: u32,
        reply: &ChatReply,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Option<Outcome>, ProposeError> {
        let Some(again) = &self.past().again else { return Ok(None) };
        let gets_no_answer = tool_calls(reply).is_empty() && self.nudges >= MAX_NUDGES;
        if gets_no_answer || again.is_answered(step) {
            return Ok(None);
        }
        toolbox.take_over_cut(again, step)?;
        self.end(again, step).map(Some)
    }

    /// How a repeated conversation ends where its record ends.
    fn end(&self, again: &Again, step: u32) -> Result<Outcome, ProposeError> {
        ending::repeated(again, self.transcript, &self.caller.cancel, step)
    }

    /// The end of an iteration whose proposer gave no reply.
    fn unanswered(&self, error: &CallError) -> Outcome {
        let status = match (error, self.cancel.why()) {
            (CallError::BudgetSpent, Some(stop @ Stop::ShareSpent(_))) => return Outcome::stopped(&stop),
            (CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_)), Some(stop)) => stop.status(),
            _ => PROPOSER_ERROR,
        };
        Outcome::unsubmitted(status, error.to_string())
    }
}
