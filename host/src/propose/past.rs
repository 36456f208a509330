//! What is on record of a proposer's conversation that was begun before, so that it goes on where it
//! stopped: no reply is asked for twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    call::Control,
    cancel::Stop,
    model::{Block, ChatReply},
    pricing::Usd,
    record::{RecordError, format::TranscriptRow, writer::IterationWriter},
};

/// The transcript's file.
pub const TRANSCRIPT: &str = "proposer.jsonl";

/// A conversation as far as it is on record. Empty for one that begins.
#[derive(Default)]
pub struct Past {
    pub started: bool,
    replies: BTreeMap<u32, Heard>,
    answers: BTreeMap<u32, Vec<Block>>,
    trimmed: BTreeSet<u32>,
    /// What was asked besides, to find out why a reply did not come.
    pub controls: Vec<Control>,
    /// How it ended, if it did.
    pub ended: Option<String>,
}

/// A reply of the proposer's, and what it cost.
#[derive(Clone, Debug)]
pub struct Heard {
    pub reply: ChatReply,
    pub cost: Usd,
}

impl Past {
    /// Reads a folder's transcript. The end of a conversation that was only stopped leaves it.
    pub fn of(folder: &IterationWriter) -> Result<Self, RecordError> {
        folder.keep_lines(TRANSCRIPT, |row: &TranscriptRow| !was_stopped(row))?;
        let mut past = Self::default();
        for row in folder.mend_lines(TRANSCRIPT)? {
            match row {
                TranscriptRow::Start { .. } => past.started = true,
                TranscriptRow::Reply { step, reply, cost_usd, .. } => {
                    past.replies.insert(step, Heard { reply, cost: Usd::from_f64(cost_usd) });
                }
                TranscriptRow::Answer { step, content, .. } => {
                    past.answers.insert(step, content);
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

    /// What the model said in this turn.
    pub fn reply(&self, step: u32) -> Option<&Heard> {
        self.replies.get(&step)
    }

    /// What it was told after this turn.
    pub fn answer(&self, step: u32) -> Option<&Vec<Block>> {
        self.answers.get(&step)
    }

    /// Whether results were taken out before this turn.
    pub fn trimmed(&self, step: u32) -> bool {
        self.trimmed.contains(&step)
    }

    /// The turns that are complete: up to this one.
    pub fn answered_steps(&self) -> u32 {
        self.answers.keys().next_back().copied().unwrap_or(0)
    }
}

fn was_stopped(row: &TranscriptRow) -> bool {
    match row {
        TranscriptRow::End { outcome, .. } => outcome.split(':').next().is_some_and(Stop::is_status),
        _ => false,
    }
}
