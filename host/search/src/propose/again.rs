//! A proposal that is repeated from the claims of a recorded one, so that `verify` can compare the two: the model's
//! replies, or the tool calls that no reply carries, are taken over, and the tools answer anew.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    NOT_MADE, OUT_OF_TIME, PROPOSER_ERROR,
    history::Answer,
    recorded::ProposerReply,
    tools::{TRIAL_ENDED, ToolCall},
};
use crate::{
    evaluate::EVALUATION_TIMEOUT,
    noted::{Ending, Missing, Notes},
};
use mmh_engine::compile::RejectionKind;
use mmh_models::{cancel::SHARE_SPENT, metering::bill_again};
use mmh_record::{
    RecordError,
    chat::{Block, CallOutcome, Control},
    format::{ControlRow, ReadRow, TranscriptRow},
    layout,
    manifest::Finding,
    outcome::OutcomeKind,
    pricing::Price,
    reader::RunReader,
};

/// How a proposal is repeated.
#[derive(Clone, Default)]
pub struct Terms {
    /// The iteration's folder, for messages.
    pub folder: String,
    /// The proposer's recorded prices, the latest first.
    pub prices: Arc<[Price]>,
    /// Whether the proposer is a simulated model, and is asked again.
    pub is_simulated: bool,
    /// Whether the proposer is a model, whose replies carry the tool calls.
    pub has_replies: bool,
    /// Whether each candidate has a share of the budget.
    pub has_share: bool,
    /// What cannot be derived on this machine.
    pub missing: Missing,
    /// How the recorded run ended.
    pub ending: Ending,
    /// Where findings go.
    pub notes: Notes,
}

impl Terms {
    /// Whether a proposal may have ended so for a reason that nobody can derive: its model did not answer, or its share of
    /// the budget was spent.
    pub fn is_claimed_end(&self, status: &str) -> bool {
        match status {
            PROPOSER_ERROR => !self.is_simulated,
            SHARE_SPENT => self.has_share,
            _ => false,
        }
    }
}

/// A repeated proposal: its claims, and its terms.
#[derive(Clone, Default)]
pub struct Again {
    /// How it is repeated.
    pub terms: Terms,
    /// When the proposal began, when its turns were answered, and when it ended.
    started_at: Option<Timestamp>,
    answered_at: BTreeMap<u32, Timestamp>,
    ended_at: Option<Timestamp>,
    /// The tools' results, by turn.
    results: BTreeMap<u32, Vec<Block>>,
    /// The calls that no reply carries, in their order: the tool and its arguments.
    calls: Vec<(String, Value)>,
    /// Control requests by turn, with their times.
    controls: BTreeMap<u32, Vec<(Timestamp, ControlRow)>>,
    /// Ids of the calls whose results were removed from the conversation before a turn.
    trimmed: BTreeMap<u32, Vec<String>>,
    /// The recorded reads, for their times.
    reads: Vec<ReadRow>,
}

/// A moment of a proposal.
#[derive(Clone, Copy)]
pub enum Moment {
    /// It began.
    Start,
    /// The tools of this turn answered.
    Answer(u32),
    /// It ended.
    End,
}

impl Again {
    /// Reads the record of an iteration. `each` gets the rows of replies and of the end.
    pub(super) fn read(
        terms: Terms,
        reader: &RunReader,
        index: u32,
        mut each: impl FnMut(TranscriptRow),
    ) -> Result<Self, RecordError> {
        let path = |file| RunReader::iteration_file(index, file);
        let mut again = Self { terms, ..Self::default() };
        if reader.has(&path(layout::TRANSCRIPT)) {
            for row in reader.rows(&path(layout::TRANSCRIPT))? {
                match row? {
                    TranscriptRow::Start { at, .. } => again.started_at = Some(at),
                    TranscriptRow::Answer { step, at, content } => {
                        again.answered_at.insert(step, at);
                        again.results.insert(step, content);
                    }
                    TranscriptRow::ToolCall { step, at, tool, input, result, is_error } => {
                        again.answered_at.insert(step, at);
                        let tool_use_id = String::new();
                        let result = Block::ToolResult { tool_use_id, content: result, is_error };
                        again.results.insert(step, vec![result]);
                        again.calls.push((tool, input));
                    }
                    TranscriptRow::Control { step, at, control } => {
                        again.controls.entry(step).or_default().push((at, control));
                    }
                    TranscriptRow::Trimmed { step, tool_use_ids } => {
                        again.trimmed.insert(step, tool_use_ids);
                    }
                    row @ TranscriptRow::Reply { .. } => each(row),
                    row @ TranscriptRow::End { at, .. } => {
                        again.ended_at = Some(at);
                        each(row);
                    }
                }
            }
        }
        if reader.has(&path(layout::READS)) {
            again.reads = reader.lines(&path(layout::READS))?;
        }
        Ok(again)
    }

    /// The recorded time of a moment.
    pub fn time(&self, moment: Moment) -> Option<Timestamp> {
        match moment {
            Moment::Start => self.started_at,
            Moment::Answer(step) => self.answered_at.get(&step).copied(),
            Moment::End => self.ended_at,
        }
    }

    /// The recorded calls that no reply carries, in their order: the tool and its arguments.
    pub fn calls(&self) -> &[(String, Value)] {
        &self.calls
    }

    /// The times of the reads, in their order.
    pub fn read_times(&self) -> Vec<Timestamp> {
        self.reads.iter().map(|row| row.at).collect()
    }

    /// The reads of a turn that was not completed.
    pub fn cut_reads(&self, step: u32) -> Vec<ReadRow> {
        self.reads.iter().filter(|row| row.step == step).cloned().collect()
    }

    /// Whether the tools answered in a turn.
    pub fn is_answered(&self, step: u32) -> bool {
        self.results.contains_key(&step)
    }

    /// Ids of the calls whose results were removed before a turn. Nothing for a simulated model, whose window is computed
    /// again.
    pub fn trims(&self, step: u32) -> Option<Vec<String>> {
        (!self.terms.is_simulated).then(|| self.trimmed.get(&step).cloned().unwrap_or_default())
    }

    /// The control requests of a turn.
    pub fn controls(&self, step: u32) -> Vec<(Timestamp, Control)> {
        let rows = self.controls.get(&step).into_iter().flatten();
        rows.map(|(at, row)| (*at, row.control().at_least(&self.terms.prices))).collect()
    }

    /// The recorded result of this call, if the call was not made because the turn's time was over.
    pub fn out_of_time(&self, step: u32, at: usize) -> Option<String> {
        let (content, is_error) = self.result(step, at)?;
        let was = is_error && content.strip_prefix(NOT_MADE).is_some_and(|why| why.starts_with(OUT_OF_TIME));
        was.then(|| {
            self.terms.notes.tool_result();
            content.clone()
        })
    }

    fn result(&self, step: u32, at: usize) -> Option<(&String, bool)> {
        match self.results.get(&step)?.get(at)? {
            Block::ToolResult { content, is_error, .. } => Some((content, *is_error)),
            _ => None,
        }
    }

    /// A recorded reply, with the cost that follows from its tokens.
    pub fn billed(&self, claimed: &ProposerReply) -> ProposerReply {
        let (cost, price_tier) = bill_again(&self.terms.prices, &claimed.reply, claimed.cost);
        ProposerReply { cost, price_tier, ..claimed.clone() }
    }

    /// The reply of a simulated proposer that was asked again, with the recorded times.
    pub fn simulated(&self, now: CallOutcome, claimed: &ProposerReply) -> Option<ProposerReply> {
        let (cost, price_tier, attempts) = (now.cost, now.price_tier, now.attempts);
        let (at, latency_ms) = (claimed.at, claimed.latency_ms);
        now.result.ok().map(|reply| ProposerReply { reply, cost, price_tier, attempts, at, latency_ms })
    }

    /// Notes a turn of which nothing is on record, although the record does not end there.
    pub fn nothing_recorded(&self, step: u32) {
        let file = layout::file(&self.terms.folder, layout::TRANSCRIPT);
        let what = if self.terms.has_replies { "a reply" } else { "a tool call" };
        self.terms.notes.add(Finding::new(file, format!("{what} in turn {step}"), "none"));
    }

    /// The recorded result of this tool call, if the call cannot be repeated on this machine.
    pub fn claimed_result(&self, step: u32, at: usize, call: &ToolCall, is_known: bool) -> Option<Answer> {
        let (content, is_error) = self.result(step, at)?;
        let compiles = ["check_harness", "try_harness", "write_harness"].contains(&call.name.as_str());
        let learns = ["read_train", "try_harness"].contains(&call.name.as_str());
        let warns = call.name == "check_harness" && content.contains("\"phrases\":[");
        let is_claimed = depends_on_the_machine(content, is_error)
            || (self.terms.missing.tools && compiles && !is_known)
            || (self.terms.missing.dataset && (learns || warns));
        if !is_claimed {
            return None;
        }
        self.terms.notes.tool_result();
        Some(if is_error { Err(content.clone()) } else { Ok(content.clone()) })
    }
}

/// Whether a tool's result reports the wall clock, or a compiler that reached its limits. A harness's own words are JSON
/// strings in it, with escaped quotes, so they cannot be mistaken for this.
fn depends_on_the_machine(result: &str, is_error: bool) -> bool {
    if is_error {
        return result.strip_prefix(TRIAL_ENDED).is_some_and(|why| why.starts_with(OUT_OF_TIME));
    }
    let timeout = OutcomeKind::Timeout.name();
    let kinds = RejectionKind::of_machine().map(RejectionKind::name).chain([EVALUATION_TIMEOUT]);
    let kinds = kinds.map(|kind| format!("\"reason\":\"{kind}\""));
    let mut signs = kinds.chain([format!("\"error_kind\":\"{timeout}\"")]);
    let failed_to_learn =
        result.contains("\"reason\":\"learn-failed\"") && result.contains(&format!(": {timeout}: "));
    failed_to_learn || signs.any(|sign| result.contains(&sign))
}

/// The ids of the examples of a successful trial, by its arguments and its result.
pub fn tried(input: &Value, result: &Answer) -> Vec<String> {
    let went_well = result.as_ref().is_ok_and(|content| content.starts_with("{\"ok\":true"));
    let ids = input["example_ids"].as_array().filter(|_| went_well).into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_machine_are_told_from_others() {
        let table = [
            (r#"{"ok":true,"examples":[{"error_kind":"ok"}]}"#, false),
            (r#"{"ok":true,"examples":[{"error_kind":"timeout"}]}"#, true),
            (r#"{"ok":true,"examples":[{"error":"\"error_kind\":\"timeout\""}]}"#, false),
            (r#"{"ok":false,"reason":"compiler-timeout","message":"x"}"#, true),
            (r#"{"ok":false,"reason":"evaluation-timeout","diagnostics":"x"}"#, true),
            (r#"{"ok":false,"reason":"did-not-compile","message":"x"}"#, false),
            (
                r#"{"ok":false,"reason":"learn-failed","diagnostics":"learn failed at batch 0: timeout: x"}"#,
                true,
            ),
            (
                r#"{"ok":false,"reason":"learn-failed","diagnostics":"learn failed at batch 0: panic: x"}"#,
                false,
            ),
        ];
        for (result, expected) in table {
            assert_eq!(depends_on_the_machine(result, false), expected, "{result}");
        }
        // Of errors, only those are the machine's that the host says itself.
        let table = [
            (format!("{TRIAL_ENDED}{OUT_OF_TIME}9 s together"), true),
            ("there is no validation example".into(), false),
            (r#"{"reason":"evaluation-timeout"}"#.into(), false),
        ];
        for (result, expected) in table {
            assert_eq!(depends_on_the_machine(&result, true), expected, "{result}");
        }
    }
}
