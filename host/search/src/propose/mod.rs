//! Who writes a candidate, and with which tools. A [`Proposer`] gets an assignment and a toolbox, and works until a
//! harness is accepted or there is none.
//!
//! [`ModelLoop`] is a conversation with a model, whose replies carry the tool calls. [`Scripted`] calls the tools
//! directly, and so does whoever is reached through [`external`]. Both work on with what is on record of them, and both are repeated from it.
//!
//! Not in here: which candidates there are, and what becomes of the proposal. See `search`.

pub(crate) mod again;
#[doc(hidden)]
pub mod arguments;
mod briefing;
mod changes;
mod confusions;
mod ending;
pub mod external;
#[doc(hidden)]
pub mod history;
mod index;
pub mod instructions;
pub mod material;
mod model_loop;
mod notes;
mod pages;
mod recorded;
mod repeat;
mod scripted;
mod target;
mod tools;
mod transcript;
mod trials;

use async_trait::async_trait;

pub use history::History;
pub(crate) use index::RunIndex;
pub use material::Material;
pub use model_loop::ModelLoop;
pub(crate) use recorded::RecordedProposal;
pub(crate) use repeat::Repeat;
pub use scripted::{Move, Scripted};
pub(crate) use tools::ToolContext;
pub use tools::{DirectCall, Toolbox, specs, specs_in};
pub use transcript::Transcript;
pub(crate) use trials::Trials;

use mmh_engine::{
    build::Built,
    compile::{CompileError, Rejection, RejectionKind},
};
use mmh_models::{cancel::Stop, metering::Account};
use mmh_record::{RecordError, candidate::CandidateId, format::Cost};

/// Writes candidates, one at a time or several at once. It has no other access to a run than the toolbox.
#[async_trait]
pub trait Proposer: Send + Sync {
    /// Works on one candidate until a harness is accepted, it gives up, or the run is stopped. It goes on from the
    /// assignment's transcript, if that has a beginning, and neither pays nor asks again for what is in there.
    async fn propose(
        &self,
        assignment: &Assignment<'_>,
        toolbox: &mut Toolbox<'_>,
    ) -> Result<Proposal, ProposeError>;
}

/// What a proposer is to do.
pub struct Assignment<'a> {
    /// The candidate that is to be written.
    pub candidate: CandidateId,
    /// What it may see of the run, for a proposer that works with files.
    pub material: Material<'a>,
    /// What it is told first: the task, its labels, the sizes of the splits.
    pub opening: String,
    /// What is on record of the proposal, and where it goes on.
    pub transcript: &'a Transcript,
    /// The candidate's account, which the proposer's own model calls are billed to. It stops the proposer.
    pub account: Account,
}

/// The result of a proposer's work.
pub struct Proposal {
    /// How it ended.
    pub outcome: Outcome,
    /// What the proposer's own model calls cost, without trials.
    pub cost: Cost,
    /// What a proposer outside of this process printed. Empty for every other one.
    pub log: String,
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

impl Outcome {
    fn unsubmitted(status: &str, reason: impl Into<String>) -> Self {
        Self::Unsubmitted { status: status.to_owned(), reason: reason.into() }
    }

    /// The end of a proposal that the end of the run cuts short.
    fn stopped(stop: &Stop) -> Self {
        Self::unsubmitted(stop.status(), format!("stopped while the proposer worked: {}", stop.reason()))
    }

    /// What a transcript says of it.
    fn label(&self) -> String {
        match self {
            Self::Submitted(_) => "submitted".to_owned(),
            Self::Unsubmitted { status, reason } => format!("{status}: {reason}"),
        }
    }
}

/// An accepted harness.
pub struct Submission {
    /// The source file.
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
    /// The proposal is repeated, and its record ends here.
    #[error("the record of the proposal ends")]
    RecordEnds,
}

/// The refusal of a harness that is an earlier one, its twin, again: with the same component, whatever its source.
pub(crate) fn duplicate(twin: u32) -> Rejection {
    let message = format!(
        "it compiles to the same component as iteration {twin:03}, so its result would be the same: change what the harness does"
    );
    Rejection { kind: RejectionKind::Duplicate, message, diagnostics: String::new() }
}

/// The status of an iteration whose proposer gave no reply.
const PROPOSER_ERROR: &str = "proposer-error";

/// The beginning of the result of a call that was not made, and of one reason for it.
const NOT_MADE: &str = "This call was not made: ";
const OUT_OF_TIME: &str = "the tools of one turn may take ";
