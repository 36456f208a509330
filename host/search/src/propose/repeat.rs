//! A proposer that called the tools directly, repeated from its record: its tool calls are claims, and the tools answer
//! anew. So `verify` needs nothing of the proposer itself.

use async_trait::async_trait;

use super::{
    Assignment, Outcome, PROPOSER_ERROR, Proposal, ProposeError, Proposer, Toolbox,
    again::Again,
    ending::{self, parts},
};
use mmh_models::cancel::{Cancel, SHARE_SPENT, Stop};
use mmh_record::format::Cost;

/// Makes the recorded tool calls again.
pub(crate) struct Repeat {
    /// The proposer's name.
    pub name: String,
    /// Stopped where the recorded run was.
    pub cancel: Cancel,
}

#[async_trait]
impl Proposer for Repeat {
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError> {
        let Some(again) = &assignment.transcript.past().again else { return Err(ProposeError::RecordEnds) };
        let mut outcome = toolbox.begin(&self.name, &assignment.opening).await?;
        for (tool, input) in again.calls() {
            if outcome.is_some() {
                break;
            }
            outcome = toolbox.call_directly(tool, input.clone()).await?;
        }
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => self.end(again, assignment, toolbox)?,
        };
        Ok(Proposal { outcome, cost: Cost::default(), log: String::new() })
    }
}

/// Whether a proposal that ended so was stopped from outside, maybe while a tool was at work.
fn is_cut(status: &str) -> bool {
    Stop::is_status(status) || status == SHARE_SPENT
}

impl Repeat {
    /// The end after the last recorded call, which did not submit.
    fn end(
        &self,
        again: &Again,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Outcome, ProposeError> {
        let next = toolbox.calls().len() as u32 + 1;
        match assignment.transcript.past().ended.as_deref().map(parts) {
            // It gave up: why, only the record says.
            Some((status, reason)) if !is_cut(status) && status != PROPOSER_ERROR => {
                Ok(toolbox.unsubmitted_again(reason))
            }
            end => {
                if end.is_none_or(|(status, _)| is_cut(status)) {
                    // A call was cut off, of which the reads and trials are on record.
                    toolbox.take_over_cut(again, next)?;
                }
                ending::repeated(again, assignment.transcript, &self.cancel, next)
            }
        }
    }
}
