//! What a proposer did for a candidate besides its harness: trials, notes, and what it says that it spent. All of it is
//! counted from what is on record.

mod claimed;
mod own_reads;

use std::collections::HashSet;

use serde::Serialize;

pub use claimed::Claimed;

use mmh_record::{
    chat::Block,
    data::Split,
    format::{NoteRow, Summary, TranscriptRow},
    layout,
    reader::RunReader,
    trial,
};

/// The tool whose calls are trials.
const TRIES: &str = "try_harness";

/// Trials that came to their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trials {
    /// On validation examples, of which there is a limit.
    pub val: u64,
    /// By cross-validation on train examples.
    pub train: u64,
}

/// Counts the trials of a transcript, row by row.
#[derive(Default)]
pub struct Counter {
    /// The trials so far.
    pub trials: Trials,
    /// The ids of calls that wait for their results.
    called: HashSet<String>,
}

impl Counter {
    /// The next row.
    pub fn push(&mut self, row: &TranscriptRow) {
        match row {
            TranscriptRow::Reply { reply, .. } => {
                let calls = reply.content.iter().filter_map(|block| match block {
                    Block::ToolUse { id, name, .. } if name == TRIES => Some(id.clone()),
                    _ => None,
                });
                self.called = calls.collect();
            }
            TranscriptRow::Answer { content, .. } => {
                for block in content {
                    if let Block::ToolResult { tool_use_id, content, is_error: false } = block
                        && self.called.contains(tool_use_id)
                    {
                        self.count(content);
                    }
                }
            }
            TranscriptRow::ToolCall { tool, result, is_error: false, .. } if tool == TRIES => {
                self.count(result)
            }
            _ => {}
        }
    }

    fn count(&mut self, result: &str) {
        match trial::tried_on(result) {
            Some(Split::Train) => self.trials.train += 1,
            Some(_) => self.trials.val += 1,
            None => {}
        }
    }
}

/// What a proposer did for one candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The candidate.
    pub index: u32,
    /// Its trials.
    pub trials: Trials,
    /// Its notes for later candidates, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the agent that proposed says that it spent. Absent where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Claimed>,
    /// The files and commands that the agent's own output names, in its order, at most 200. What it reads in its work folder
    /// is known by nothing else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own_reads: Vec<String>,
}

impl Proposal {
    /// That of a candidate, as far as it can be read.
    pub fn of(reader: &RunReader, index: u32) -> Self {
        let mut counter = Counter::default();
        let rows = reader.rows::<TranscriptRow>(&RunReader::iteration_file(index, layout::TRANSCRIPT));
        rows.into_iter().flatten().map_while(Result::ok).for_each(|row| counter.push(&row));
        let log = reader.text(&RunReader::iteration_file(index, layout::AGENT_LOG)).unwrap_or_default();
        let (claimed, own_reads) = (Claimed::in_log(&log), own_reads::in_log(&log));
        Self { index, trials: counter.trials, notes: notes(reader, index), claimed, own_reads }
    }

    fn has_something(&self) -> bool {
        self.trials != Trials::default()
            || !self.notes.is_empty()
            || self.claimed.is_some()
            || !self.own_reads.is_empty()
    }

    /// Those of a run's candidates that are done and of which there is something to tell.
    pub fn all(reader: &RunReader, summary: &Summary) -> Vec<Self> {
        let scored = summary.iterations.iter().map(|it| it.index);
        let mut indices: Vec<u32> = scored.chain(summary.unscored.iter().map(|it| it.index)).collect();
        indices.retain(|index| !summary.config.is_baseline(*index));
        indices.sort_unstable();
        let all = indices.into_iter().map(|index| Self::of(reader, index));
        all.filter(|it| it.has_something()).collect()
    }
}

/// The notes of a candidate.
pub fn notes(reader: &RunReader, index: u32) -> Vec<String> {
    let rows = reader.lines::<NoteRow>(&RunReader::iteration_file(index, layout::NOTES));
    rows.unwrap_or_default().into_iter().map(|row| row.text).collect()
}

/// What the agent of a candidate says that it spent.
pub fn claimed(reader: &RunReader, index: u32) -> Option<Claimed> {
    let log = reader.text(&RunReader::iteration_file(index, layout::AGENT_LOG)).ok()?;
    Claimed::in_log(&log)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn trials_that_came_to_their_end_are_counted() {
        let call = |tool: &str, result: Value, is_error| TranscriptRow::ToolCall {
            step: 1,
            at: Timestamp::UNIX_EPOCH,
            tool: tool.into(),
            input: json!({}),
            result: result.to_string(),
            is_error,
        };
        let rows = [
            call(TRIES, json!({ "ok": true, "n_correct": 1 }), false),
            call(TRIES, json!({ "ok": true, "split": "train" }), false),
            call(TRIES, json!({ "ok": true, "split": "train" }), false),
            call(TRIES, json!({ "ok": false, "reason": "did-not-compile" }), false),
            call(TRIES, json!("there is no validation example"), true),
            call("scoreboard", json!({ "ok": true }), false),
        ];
        let mut counter = Counter::default();
        rows.iter().for_each(|row| counter.push(row));
        assert_eq!(counter.trials, Trials { val: 1, train: 2 });
    }
}
