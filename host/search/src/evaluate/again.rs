//! An evaluation that is made again from what a recorded one claims, so that `verify` can compare the two.
//!
//! Only what nobody can derive is taken over: what the model said (unless it is simulated: then it is asked
//! again), how long things took, and which examples ended by the wall clock. Everything else, sums over
//! these values included, is made by the same code as in the first place.

use std::{sync::Arc, time::Duration};

use super::{memo::Memo, recorded_replies::called, sink::BATCHES};
use crate::noted::Notes;
use mmh_engine::sandbox::{Call, Failure, LogLine, Report};
use mmh_models::metering::bill_again;
use mmh_record::{
    chat::CallOutcome,
    format::{CallRow, LearnRow, LogRow, TraceRow},
    limits::Limits,
    manifest::Finding,
    pricing::Price,
};

/// How an evaluation is made again.
#[derive(Clone)]
pub struct Again {
    /// The folder of the evaluation.
    pub folder: String,
    /// What the ids of examples begin with: a trial has its name before them.
    pub prefix: String,
    /// The record says of itself that it is whole: what is missing in it is made all the same, and missed.
    pub whole: bool,
    /// The prices that the target has had, the latest first.
    pub prices: Arc<[Price]>,
    /// The target is simulated, and says again what it said.
    pub is_simulated: bool,
    /// What was learned, where there are no train examples to learn from again.
    pub learned: Option<Claimed>,
    /// The limits that it may have had, the latest first: some can be changed while a run goes on.
    pub limits: Arc<[Limits]>,
    /// Why the harness was stopped before the last example, if the record says that its own code took too long.
    pub timed_out: Option<String>,
    pub memo: Memo,
    pub notes: Notes,
}

/// What a harness is said to have learned.
#[derive(Clone)]
pub struct Claimed {
    pub state: Arc<[u8]>,
    /// How many batches there are to learn from.
    pub batches: usize,
}

impl Again {
    /// What a recorded call came to. What it cost follows from what the reply says of itself.
    pub fn called(&self, row: &CallRow) -> CallOutcome {
        let claimed = called(row);
        let control = claimed.control.map(|control| control.at_least(&self.prices));
        let claimed = CallOutcome { control, ..claimed };
        // A reply that was too large to be recorded was paid for: only the record says how much.
        let reply = match &claimed.result {
            Ok(reply) => reply,
            Err(_) => return CallOutcome { cached: false, ..claimed },
        };
        if claimed.cached {
            return CallOutcome { cached: true, ..CallOutcome::unasked(claimed.result) };
        }
        let (cost, price_tier) = bill_again(&self.prices, reply, claimed.cost);
        CallOutcome { cost, price_tier, ..claimed }
    }

    /// A call that a simulated target has answered again. How long it took is what the record says.
    pub fn simulated(&self, now: CallOutcome, latency_ms: Option<f64>) -> CallOutcome {
        CallOutcome { latency_ms: latency_ms.unwrap_or_default(), ..now }
    }

    /// Notes a request that has no reply in the record: nothing that follows from it can be derived.
    pub fn unrecorded(&self, id: &str, prompt: &str) {
        let prompt = mmh_record::text::ellipsis(&mmh_record::text::one_line(prompt), 200);
        let id = format!("{}{id}", self.prefix);
        let file = format!("{}: {id}", self.folder);
        self.notes.skip(&self.folder, &id);
        self.notes.add(Finding::new(file, "a recorded reply to each request", format!("none to: {prompt}")));
    }

    /// An example that ended by the wall clock, as it stands in the record: without a prediction, however.
    pub fn example_report(&self, row: &TraceRow, calls: &[CallRow]) -> Report<String> {
        self.notes.timed_out();
        Report {
            fuel: row.fuel,
            peak_memory_bytes: row.peak_memory_bytes,
            calls: self.calls(calls),
            logs: lines(&row.logs),
            stdout: row.stdout.clone(),
            stderr: row.stderr.clone(),
            result: Err(self.ended(row.error.as_deref())),
            own_time: Duration::ZERO,
            backtrace: Vec::new(),
        }
    }

    /// The same of a batch.
    pub fn batch_report(&self, row: &LearnRow, calls: &[CallRow]) -> Report<Vec<u8>> {
        self.notes.timed_out();
        Report {
            fuel: row.fuel,
            peak_memory_bytes: row.peak_memory_bytes,
            calls: self.calls(calls),
            logs: lines(&row.logs),
            stdout: String::new(),
            stderr: String::new(),
            result: Err(self.ended(row.error.as_deref())),
            own_time: Duration::ZERO,
            backtrace: Vec::new(),
        }
    }

    /// How a call ended that took too long, by the limit that its words name.
    fn ended(&self, words: Option<&str>) -> Failure {
        let mut all = self.limits.iter().map(Failure::timeout);
        let meant = all.clone().find(|it| words == Some(it.message.as_str()));
        meant.or_else(|| all.next()).unwrap_or_else(|| Failure::timeout(&Limits::default()))
    }

    /// Recorded calls, as a harness would have made them.
    pub fn calls(&self, rows: &[CallRow]) -> Vec<Call> {
        let mut rows: Vec<&CallRow> = rows.iter().collect();
        rows.sort_by_key(|row| row.call);
        rows.iter()
            .map(|row| Call { request: row.request.clone().into(), answer: self.called(row) })
            .collect()
    }

    /// Where a call's replies are taken from.
    pub fn place(&self) -> String {
        format!("{}/{}", self.folder, self.prefix)
    }

    /// Notes that the record has another number of batches than there are.
    pub fn count_batches(&self, expected: usize, found: usize) {
        if expected != found {
            let file = format!("{}/{BATCHES}", self.folder);
            self.notes.add(Finding::new(file, format!("{expected} batches"), format!("{found} batches")));
        }
    }
}

/// Log lines again. Their levels are the four that there are.
fn lines(rows: &[LogRow]) -> Vec<LogLine> {
    let level = |level: &str| ["debug", "info", "warn", "error"].into_iter().find(|it| *it == level);
    let line =
        |row: &LogRow| LogLine { level: level(&row.level).unwrap_or("info"), message: row.message.clone() };
    rows.iter().map(line).collect()
}
