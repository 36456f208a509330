//! A proposer outside of this process, such as a coding agent. Whoever serves it passes its tool calls on, one at a time, and
//! gets their results. They are on record as calls that no reply carries, so `verify` needs nothing of the agent.
//!
//! Not in here: how the agent is reached. A [`Service`] starts a command, or waits for a client.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use super::history::Answer;
use super::{Assignment, DirectCall, Outcome, PROPOSER_ERROR, Proposal, ProposeError, Proposer, Toolbox};
use crate::times::Part;
use mmh_models::cancel::{Cancel, Stop};
use mmh_record::{candidate::CandidateId, format::Cost, text};

/// What the proposer outside asks for.
pub enum Asked {
    /// A tool call. Its result is sent back once it is on record.
    Call {
        /// The tool's name, which need not exist.
        tool: String,
        /// Its arguments, as they were given.
        input: Value,
        /// Where the result goes.
        answer: oneshot::Sender<Answer>,
    },
    /// It ends without a harness.
    GiveUp {
        /// Why, in words.
        reason: String,
    },
}

/// Reaches proposers outside of this process, one session for each candidate, several at the same time.
#[async_trait]
pub trait Service: Send + Sync {
    /// Begins with a candidate. After an interruption it goes on: `calls` are those that are on record with their results.
    /// `Err` says in words why there is no proposer, which ends the candidate and not the run.
    async fn open(&self, assignment: &Assignment<'_>, calls: &[DirectCall]) -> Result<Session, String>;

    /// Ends a candidate's proposer, because the candidate has ended like this, and returns what it printed. It may have a
    /// moment to end on its own. Without it, the session's end is the proposer's.
    async fn close(&self, candidate: CandidateId, outcome: &Outcome) -> String {
        let _ = (candidate, outcome);
        String::new()
    }
}

/// One candidate's proposer.
pub struct Session {
    /// What it asks for. The end of the channel is the end of the proposer.
    pub asked: mpsc::Receiver<Asked>,
    /// Whatever serves the proposer. It is dropped when the candidate has ended, and has to end the proposer then.
    pub serving: Box<dyn Send>,
}

/// Lets proposers outside of this process write candidates.
pub struct External {
    name: String,
    service: Arc<dyn Service>,
}

impl External {
    /// Proposers of this name, reached through a service.
    pub fn new(name: &str, service: Arc<dyn Service>) -> Self {
        Self { name: name.to_owned(), service }
    }

    /// Serves one candidate until it has ended, or is stopped.
    async fn serve(
        &self,
        cancel: &Cancel,
        mut requests: mpsc::Receiver<Asked>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Outcome, ProposeError> {
        loop {
            let asked = tokio::select! {
                biased;
                stop = cancel.stopped() => return Ok(Outcome::stopped(&stop)),
                asked = toolbox.times().during(Part::Proposer, requests.recv()) => asked,
            };
            match asked {
                None => return Ok(toolbox.unsubmitted("it ended without a harness".into())),
                Some(Asked::GiveUp { reason }) => return Ok(toolbox.unsubmitted(reason)),
                Some(Asked::Call { tool, input, answer }) => {
                    let before = toolbox.calls().len();
                    let outcome = toolbox.call_directly(&tool, input).await?;
                    // A call that was not made has no result.
                    if let Some(call) = toolbox.calls().get(before) {
                        // Whoever asked may be gone.
                        let _ = answer.send(call.result.clone());
                    }
                    if let Some(outcome) = outcome {
                        return Ok(outcome);
                    }
                }
            }
        }
    }
}

/// Stands for a proposer outside of this process that is not there. It stops the run where that one is needed, so that
/// everything else can be finished without it.
pub struct Absent {
    name: String,
    cancel: Cancel,
}

impl Absent {
    /// A stand-in for a proposer of this name, which stops the run.
    pub fn new(name: &str, cancel: Cancel) -> Self {
        Self { name: name.to_owned(), cancel }
    }
}

#[async_trait]
impl Proposer for Absent {
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError> {
        let outcome = match toolbox.begin(&self.name, &assignment.opening).await? {
            Some(outcome) => outcome,
            None => {
                let stop = Stop::ModelUnusable(format!(
                    "the next candidate is written by {}, which calls the tools itself and is not there: `mmh mcp --run RUN` \
                     goes on with it",
                    text::name(&self.name)
                ));
                self.cancel.stop(stop.clone());
                Outcome::stopped(&stop)
            }
        };
        Ok(Proposal { outcome, cost: Cost::default(), log: String::new() })
    }
}

#[async_trait]
impl Proposer for External {
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError> {
        let (outcome, log) = match toolbox.begin(&self.name, &assignment.opening).await? {
            Some(outcome) => (outcome, String::new()),
            None => match self.service.open(assignment, toolbox.calls()).await {
                Ok(Session { asked, serving }) => {
                    let outcome = self.serve(&assignment.account.cancel, asked, toolbox).await?;
                    let log = self.service.close(assignment.candidate, &outcome).await;
                    drop(serving);
                    (outcome, log)
                }
                Err(reason) => (Outcome::unsubmitted(PROPOSER_ERROR, reason), String::new()),
            },
        };
        Ok(Proposal { outcome, cost: Cost::default(), log })
    }
}
