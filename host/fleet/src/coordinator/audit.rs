//! Whether a worker's report is one that a sandbox gives: what can be seen at once, and what only a second run of the call
//! shows.

use std::sync::Arc;

use mmh_engine::sandbox::{Call, Report};
use mmh_record::{digest::Digest, grade::Grade, limits::Limits, outcome::OutcomeKind};

use super::desk::Desk;
use crate::wire::{Account, Slip};

/// What a call returns, and how large that may be.
pub(crate) trait Returned: Clone + PartialEq + Send {
    fn is_within(&self, limits: &Limits) -> bool;
}

impl Returned for String {
    fn is_within(&self, limits: &Limits) -> bool {
        self.len() as u64 <= limits.answer_bytes
    }
}

impl Returned for Vec<u8> {
    fn is_within(&self, limits: &Limits) -> bool {
        self.len() as u64 <= limits.state_bytes
    }
}

impl Returned for Grade {
    fn is_within(&self, _: &Limits) -> bool {
        (0.0..=1.0).contains(&self.score)
    }
}

/// Whether this call is one of the share that is made a second time. Its digest decides, which no worker chooses.
pub(crate) fn is_chosen(call: Digest, share: f64) -> bool {
    let bytes = call.bytes();
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    f64::from(number) < share * 2f64.powi(32)
}

/// What is thought of a worker's account.
pub(crate) enum Verdict<T> {
    /// It can be one of a sandbox, as far as it can be seen.
    Sound(Report<T>),
    /// The worker's clock had a part in it, or the way between: it is not taken, and nobody is blamed.
    ByTheClock,
    /// No sandbox gives it.
    Nonsense(&'static str),
}

/// Judges an account, and makes a report of it, with the model calls that the desk has answered.
pub(crate) fn judge<T: Returned>(account: Account<T>, desk: &Desk, limits: &Limits) -> Verdict<T> {
    if let Some(what) = exceeds(&account, limits) {
        return Verdict::Nonsense(what);
    }
    let timed_out = account.result.as_ref().is_err_and(|failure| failure.kind == OutcomeKind::Timeout);
    if timed_out || account.calls.contains(&Slip::Unanswered) {
        return Verdict::ByTheClock;
    }
    let answered = |at| desk.answered(at as u32).map(|(request, answer)| Call { request, answer });
    let calls: Option<Vec<Call>> = (0..account.calls.len()).map(answered).collect();
    let Some(calls) = calls else { return Verdict::Nonsense("a reply that nobody gave it") };
    Verdict::Sound(Report {
        calls,
        result: account.result,
        fuel: account.fuel,
        own_time: account.own_time,
        peak_memory_bytes: account.peak_memory_bytes,
        logs: account.logs,
        stdout: account.stdout,
        stderr: account.stderr,
        backtrace: Vec::new(),
    })
}

/// What is more in an account than the limits allow.
fn exceeds<T: Returned>(account: &Account<T>, limits: &Limits) -> Option<&'static str> {
    let logged: usize = account.logs.iter().map(|line| line.message.len()).sum();
    let said = account.result.as_ref().err().map_or(0, |failure| failure.message.len());
    // The parts that are shown of an output that is too long are joined by words; so are those of a message.
    let most = limits.log_bytes.max(limits.answer_bytes).saturating_add(8 << 10);
    if [account.stdout.len(), account.stderr.len(), logged, said].iter().any(|bytes| *bytes as u64 > most) {
        return Some("more output than --log-kib allows");
    }
    if account.fuel > limits.fuel || account.peak_memory_bytes > limits.memory_bytes {
        return Some("more fuel or memory than the limits allow");
    }
    let is_larger = account.result.as_ref().is_ok_and(|value| !value.is_within(limits));
    is_larger.then_some("a larger result than the limits allow")
}

/// Where two reports of the same call differ; nothing if they are the same, or if the clock ended the call here.
pub(crate) fn difference<T: PartialEq>(far: &Report<T>, here: &Report<T>) -> Option<&'static str> {
    if here.result.as_ref().is_err_and(|failure| failure.kind == OutcomeKind::Timeout) {
        return None;
    }
    let asked = |report: &Report<T>| report.calls.iter().map(|it| it.request.clone()).collect::<Vec<_>>();
    let same: [(&str, bool); 6] = [
        ("its result", far.result == here.result),
        ("its model calls", same_requests(&asked(far), &asked(here))),
        ("its fuel", far.fuel == here.fuel),
        ("its memory", far.peak_memory_bytes == here.peak_memory_bytes),
        ("its log", far.logs == here.logs),
        ("its output", (&far.stdout, &far.stderr) == (&here.stdout, &here.stderr)),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

fn same_requests<T: PartialEq>(far: &[Arc<T>], here: &[Arc<T>]) -> bool {
    far.len() == here.len() && far.iter().zip(here).all(|(far, here)| **far == **here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_calls_is_chosen() {
        let calls: Vec<Digest> = (0..2_000u32).map(|at| Digest::of(at.to_le_bytes())).collect();
        // share, least and most of 2,000
        for (share, least, most) in [(0.0, 0, 0), (0.1, 150, 250), (1.0, 2_000, 2_000)] {
            let chosen = calls.iter().filter(|call| is_chosen(**call, share)).count();
            assert!((least..=most).contains(&chosen), "{share}: {chosen}");
        }
    }
}
