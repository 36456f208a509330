//! An evaluation that is repeated from the claims of a recorded one, so that `verify` can compare the two.
//!
//! Only values that nobody can derive are taken over: the model's replies, times, and which examples were ended by the
//! wall clock. A simulated model is asked again. Everything else is computed by the code of every evaluation, sums over
//! these values included.

use std::{sync::Arc, time::Duration};

use super::{memo::Memo, recorded_replies::called, sink::BATCHES};
use crate::noted::Notes;
use mmh_engine::sandbox::{Call, Failure, LogLevel, LogLine, Report};
use mmh_models::metering::bill_again;
use mmh_record::{
    chat::CallOutcome,
    format::{CallRow, LearnRow, LogRow, TraceRow},
    limits::Limits,
    manifest::Finding,
    pricing::Price,
};

/// How an evaluation is repeated.
#[derive(Clone)]
pub struct Again {
    /// The folder of the evaluation.
    pub folder: String,
    /// The beginning of recorded ids of examples: a trial's name and a slash, or nothing.
    pub prefix: String,
    /// Whether the record has to be whole. Examples that are missing in it are run, and become findings.
    pub whole: bool,
    /// The target's recorded prices, the latest first.
    pub prices: Arc<[Price]>,
    /// Whether the target is simulated, and is asked again.
    pub is_simulated: bool,
    /// What was learned by the record, if there are no train examples to learn from.
    pub learned: Option<Claimed>,
    /// The limits that it may have had, the latest first. Some can change when a run is resumed.
    pub limits: Arc<[Limits]>,
    /// Why the harness was stopped before the last example, if its own code took too long by the record.
    pub timed_out: Option<String>,
    /// Calls that were made a moment ago.
    pub memo: Memo,
    /// Whether the evaluation is made ahead of the search, which makes it again and takes its calls from `memo`.
    pub is_ahead: bool,
    /// Where findings go.
    pub notes: Notes,
}

/// What a harness has learned by the record.
#[derive(Clone)]
pub struct Claimed {
    /// Its state.
    pub state: Arc<[u8]>,
    /// The number of batches of train examples.
    pub batches: usize,
}

impl Again {
    /// The outcome of a recorded call, with the cost that follows from the reply's tokens.
    pub fn called(&self, row: &CallRow) -> CallOutcome {
        let claimed = called(row);
        let control = claimed.control.map(|control| control.at_least(&self.prices));
        let claimed = CallOutcome { control, ..claimed };
        // A reply that was too large to be recorded was paid for. Only the record says how much.
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

    /// The outcome of a call that a simulated target has answered again, with the recorded latency.
    pub fn simulated(&self, now: CallOutcome, latency_ms: Option<f64>) -> CallOutcome {
        CallOutcome { latency_ms: latency_ms.unwrap_or_default(), ..now }
    }

    /// Notes a request without a reply in the record, so that nothing that follows from it can be derived.
    pub fn unrecorded(&self, id: &str, prompt: &str) {
        let prompt = mmh_record::text::ellipsis(&mmh_record::text::one_line(prompt), 200);
        let id = format!("{}{id}", self.prefix);
        let file = format!("{}: {id}", self.folder);
        self.notes.skip(&self.folder, &id);
        self.notes.add(Finding::new(file, "a recorded reply to each request", format!("none to: {prompt}")));
    }

    /// The recorded report of an example that the wall clock ended. It never has a prediction.
    pub fn example_report(&self, row: &TraceRow, calls: &[CallRow]) -> Report<String> {
        self.notes.timed_out();
        Report {
            fuel: row.fuel,
            peak_memory_bytes: row.peak_memory_bytes,
            calls: self.calls(calls),
            logs: lines(&row.logs),
            stdout: row.stdout.clone(),
            stderr: row.stderr.clone(),
            result: Err(self.ended(row.error.as_deref(), Limits::clone)),
            own_time: Duration::ZERO,
            backtrace: Vec::new(),
        }
    }

    /// The same for a batch.
    pub fn batch_report(&self, row: &LearnRow, calls: &[CallRow]) -> Report<Vec<u8>> {
        self.notes.timed_out();
        Report {
            fuel: row.fuel,
            peak_memory_bytes: row.peak_memory_bytes,
            calls: self.calls(calls),
            logs: lines(&row.logs),
            stdout: String::new(),
            stderr: String::new(),
            result: Err(self.ended(row.error.as_deref(), |limits| limits.of_batch(row.n_examples))),
            own_time: Duration::ZERO,
            backtrace: Vec::new(),
        }
    }

    /// The failure of a call that took too long, with the limit that the recorded words name.
    fn ended(&self, words: Option<&str>, of_call: impl Fn(&Limits) -> Limits) -> Failure {
        let limits: Vec<Limits> = self.limits.iter().map(of_call).collect();
        let ends = |limits: &Limits| [Failure::timeout(limits), Failure::own_timeout(limits)];
        let mut all = limits.iter().flat_map(ends);
        let meant = all.clone().find(|it| words == Some(it.message.as_str()));
        meant.or_else(|| all.next()).unwrap_or_else(|| Failure::timeout(&Limits::default()))
    }

    /// Recorded calls in the form in which a harness makes them, in their order.
    pub fn calls(&self, rows: &[CallRow]) -> Vec<Call> {
        let mut rows: Vec<&CallRow> = rows.iter().collect();
        rows.sort_by_key(|row| row.call);
        rows.iter()
            .map(|row| Call { request: row.request.clone().into(), answer: self.called(row) })
            .collect()
    }

    /// The place in the record that replies are taken from.
    pub fn place(&self) -> String {
        format!("{}/{}", self.folder, self.prefix)
    }

    /// Notes a wrong number of recorded batches.
    pub fn count_batches(&self, expected: usize, found: usize) {
        if expected != found {
            let file = format!("{}/{BATCHES}", self.folder);
            self.notes.add(Finding::new(file, format!("{expected} batches"), format!("{found} batches")));
        }
    }
}

/// Recorded log lines. An unknown level counts as `info`.
fn lines(rows: &[LogRow]) -> Vec<LogLine> {
    let line = |row: &LogRow| LogLine {
        level: LogLevel::named(&row.level).unwrap_or(LogLevel::Info),
        message: row.message.clone(),
    };
    rows.iter().map(line).collect()
}
