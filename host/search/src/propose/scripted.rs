//! A proposer without a model: what it does next is decided by a function of what it has done so far.
//!
//! It calls the tools directly, so its calls are on record and nothing else is. A function that depends on its arguments
//! only goes on after an interruption as if there had been none.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Assignment, DirectCall, Proposal, ProposeError, Proposer, Toolbox};
use mmh_record::format::Cost;

/// What a scripted proposer does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Call a tool.
    Call {
        /// The tool's name.
        tool: String,
        /// Its arguments.
        input: Value,
    },
    /// End without a harness.
    GiveUp {
        /// Why, in words.
        reason: String,
    },
}

impl Move {
    /// A call of this tool.
    pub fn call(tool: &str, input: Value) -> Self {
        Self::Call { tool: tool.to_owned(), input }
    }

    /// The submission of a harness.
    pub fn submit(code: &str, reasoning: &str) -> Self {
        Self::call("write_harness", json!({ "code": code, "reasoning": reasoning }))
    }
}

/// Decides about the next move, by the calls so far with their results, those of an earlier process included.
type Script = dyn Fn(&Assignment<'_>, &[DirectCall]) -> Move + Send + Sync;

/// A proposer that follows a script.
pub struct Scripted {
    name: String,
    script: Box<Script>,
}

impl Scripted {
    /// A proposer of this name that does what `script` says.
    pub fn new(
        name: &str,
        script: impl Fn(&Assignment<'_>, &[DirectCall]) -> Move + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.to_owned(), script: Box::new(script) }
    }

    /// A proposer that makes the same moves for each candidate, whatever their results are.
    pub fn of_moves(name: &str, moves: Vec<Move>) -> Self {
        let over = || Move::GiveUp { reason: "its script has ended".into() };
        Self::new(name, move |_, calls| moves.get(calls.len()).cloned().unwrap_or_else(over))
    }
}

#[async_trait]
impl Proposer for Scripted {
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError> {
        let mut outcome = toolbox.begin(&self.name, &assignment.opening).await?;
        loop {
            if let Some(outcome) = outcome {
                return Ok(Proposal { outcome, cost: Cost::default(), log: String::new() });
            }
            outcome = match (self.script)(assignment, toolbox.calls()) {
                Move::Call { tool, input } => toolbox.call_directly(&tool, input).await?,
                Move::GiveUp { reason } => Some(toolbox.unsubmitted(reason)),
            };
        }
    }
}
