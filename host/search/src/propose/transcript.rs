//! The transcript of a proposal: its rows are appended here and nowhere else. What is on record already is not written
//! again, and a proposal that is repeated gets the recorded times.

use jiff::Timestamp;

use super::{
    Outcome,
    again::Moment,
    recorded::{ProposerReply, RecordedProposal},
};
use mmh_record::{
    RecordError,
    append::Appender,
    chat::{Block, ChatRequest, Control},
    clock::Clock,
    format::{ControlRow, TranscriptRow},
    layout,
    writer::IterationWriter,
};

/// The record of one proposal, and where it goes on.
pub struct Transcript {
    past: RecordedProposal,
    rows: Appender,
    clock: Clock,
}

impl Transcript {
    /// Opens the transcript in this folder. `past` is what is on record of the proposal.
    pub(crate) fn open(
        folder: &IterationWriter,
        past: RecordedProposal,
        clock: Clock,
    ) -> Result<Self, RecordError> {
        Ok(Self { past, rows: folder.append(layout::TRANSCRIPT)?, clock })
    }

    /// Waits until every row is on disk.
    pub(crate) fn close(self) -> Result<(), RecordError> {
        self.rows.finish()
    }

    /// What is on record of the proposal.
    pub(super) fn past(&self) -> &RecordedProposal {
        &self.past
    }

    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The recorded time of a moment, or else the time now.
    fn at(&self, moment: Moment) -> Timestamp {
        self.past.time(moment).unwrap_or_else(|| self.now())
    }

    /// Records what a proposer is told first. `model` is its name.
    pub(super) fn start(&self, model: &str, mock: bool, request: &ChatRequest) -> Result<(), RecordError> {
        if self.past.started {
            return Ok(());
        }
        let (model, request, at) = (model.to_owned(), request.clone(), self.at(Moment::Start));
        self.rows.push(&TranscriptRow::Start { model, mock, at, request })
    }

    /// Records a reply of a model.
    pub(super) fn reply(&self, step: u32, reply: &ProposerReply) -> Result<(), RecordError> {
        self.rows.push(&reply.row(step))
    }

    /// Records a control request.
    pub(super) fn control(&self, step: u32, at: Timestamp, control: Control) -> Result<(), RecordError> {
        self.rows.push(&TranscriptRow::Control { step, at, control: ControlRow::of(control) })
    }

    /// Records which results were removed from the conversation before a turn.
    pub(super) fn trimmed(&self, step: u32, tool_use_ids: Vec<String>) -> Result<(), RecordError> {
        if tool_use_ids.is_empty() || self.past.trimmed(step) {
            return Ok(());
        }
        self.rows.push(&TranscriptRow::Trimmed { step, tool_use_ids })
    }

    /// Records what a model was told next.
    pub(super) fn answer(&self, step: u32, content: &[Block]) -> Result<(), RecordError> {
        let (at, content) = (self.at(Moment::Answer(step)), content.to_vec());
        self.rows.push(&TranscriptRow::Answer { step, at, content })
    }

    /// Records a tool call that no reply of a model carries.
    pub(super) fn tool_call(&self, step: u32, call: &super::DirectCall) -> Result<(), RecordError> {
        let (result, is_error) = match &call.result {
            Ok(content) => (content.clone(), false),
            Err(content) => (content.clone(), true),
        };
        let (tool, input, at) = (call.tool.clone(), call.input.clone(), self.at(Moment::Answer(step)));
        self.rows.push(&TranscriptRow::ToolCall { step, at, tool, input, result, is_error })
    }

    /// Records how the proposal ended.
    pub(crate) fn end(&self, outcome: &Outcome) -> Result<(), RecordError> {
        if self.past.is_ended() { Ok(()) } else { self.end_as(outcome.label()) }
    }

    /// The same in words.
    pub(super) fn end_as(&self, outcome: String) -> Result<(), RecordError> {
        self.rows.push(&TranscriptRow::End { at: self.at(Moment::End), outcome })
    }
}
