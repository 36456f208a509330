//! The record of a proposal, so that a resumed one continues where it stopped, and no reply is asked for twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    DirectCall,
    again::{Again, Moment, Terms},
};
use mmh_models::cancel::Stop;
use mmh_record::{
    RecordError,
    chat::{Block, ChatReply, Control},
    format::TranscriptRow,
    layout,
    pricing::Usd,
    reader::RunReader,
    writer::IterationWriter,
};

/// The recorded part of a proposal. Empty for a new one.
#[derive(Default)]
pub struct RecordedProposal {
    /// Whether its beginning is on record.
    pub started: bool,
    replies: BTreeMap<u32, ProposerReply>,
    answers: BTreeMap<u32, Vec<Block>>,
    /// The calls that no reply carries, the first one first.
    pub calls: Vec<DirectCall>,
    trimmed: BTreeSet<u32>,
    /// The control requests that were sent for it.
    pub controls: Vec<Control>,
    /// How it ended, as `status: reason`, if it did.
    pub ended: Option<String>,
    /// Set if the proposal is repeated from the claims of this record, and written anew.
    pub again: Option<Again>,
}

/// A reply of the proposer, with what is recorded about it. See [`TranscriptRow::Reply`].
#[derive(Clone, Debug)]
pub struct ProposerReply {
    pub reply: ChatReply,
    pub cost: Usd,
    pub price_tier: u64,
    pub attempts: u32,
    pub at: Timestamp,
    pub latency_ms: f64,
}

impl ProposerReply {
    /// The line of the transcript.
    pub fn row(&self, step: u32) -> TranscriptRow {
        TranscriptRow::Reply {
            step,
            at: self.at,
            reply: self.reply.clone(),
            cost_usd: self.cost.as_f64(),
            price_tier: self.price_tier,
            attempts: self.attempts,
            latency_ms: self.latency_ms,
        }
    }
}

impl RecordedProposal {
    /// Reads a folder's transcript. If the proposal was only stopped, its end is removed from the file.
    pub fn of(folder: &IterationWriter) -> Result<Self, RecordError> {
        folder.keep_lines(layout::TRANSCRIPT, |row: &TranscriptRow| !was_stopped(row))?;
        let mut past = Self::default();
        for row in folder.mend_lines(layout::TRANSCRIPT)? {
            match row {
                TranscriptRow::Start { .. } => past.started = true,
                row @ TranscriptRow::Reply { .. } => past.add_reply(row),
                TranscriptRow::Answer { step, content, .. } => {
                    past.answers.insert(step, content);
                }
                TranscriptRow::ToolCall { tool, input, result, is_error, .. } => {
                    let result = if is_error { Err(result) } else { Ok(result) };
                    past.calls.push(DirectCall { tool, input, result });
                }
                TranscriptRow::Control { control, .. } => past.controls.push(control.control()),
                TranscriptRow::Trimmed { step, .. } => {
                    past.trimmed.insert(step);
                }
                TranscriptRow::End { outcome, .. } => past.ended = Some(outcome),
            }
        }
        Ok(past)
    }

    /// The claims of a recorded proposal, which is repeated from its beginning.
    pub fn again(reader: &RunReader, index: u32, terms: Terms) -> Result<Self, RecordError> {
        let mut past = Self::default();
        let again = Again::read(terms, reader, index, |row| match row {
            TranscriptRow::End { outcome, .. } => past.ended = Some(outcome),
            row => past.add_reply(row),
        })?;
        past.again = Some(again);
        Ok(past)
    }

    fn add_reply(&mut self, row: TranscriptRow) {
        if let TranscriptRow::Reply { step, at, reply, cost_usd, price_tier, attempts, latency_ms } = row {
            let cost = Usd::from_f64(cost_usd);
            self.replies.insert(step, ProposerReply { reply, cost, price_tier, attempts, at, latency_ms });
        }
    }

    /// The recorded time of a moment, if the proposal is repeated.
    pub fn time(&self, moment: Moment) -> Option<Timestamp> {
        self.again.as_ref().and_then(|again| again.time(moment))
    }

    /// Whether the end of the proposal is written down already.
    pub fn is_ended(&self) -> bool {
        self.again.is_none() && self.ended.is_some()
    }

    /// What the replies and the control requests cost.
    pub fn cost(&self) -> Usd {
        let mut cost = Usd::ZERO;
        self.replies.values().for_each(|reply| cost += reply.cost);
        self.controls.iter().for_each(|control| cost += control.cost);
        cost
    }

    /// The model's reply in this turn.
    pub fn reply(&self, step: u32) -> Option<&ProposerReply> {
        self.replies.get(&step)
    }

    /// The answer to this turn.
    pub fn answer(&self, step: u32) -> Option<&Vec<Block>> {
        self.answers.get(&step)
    }

    /// Whether results were removed before this turn.
    pub fn trimmed(&self, step: u32) -> bool {
        self.trimmed.contains(&step)
    }

    /// The number of the last complete turn; 0 if there is none.
    pub fn answered_steps(&self) -> u32 {
        self.answers.keys().next_back().copied().unwrap_or(self.calls.len() as u32)
    }
}

fn was_stopped(row: &TranscriptRow) -> bool {
    match row {
        TranscriptRow::End { outcome, .. } => outcome.split(':').next().is_some_and(Stop::is_status),
        _ => false,
    }
}
