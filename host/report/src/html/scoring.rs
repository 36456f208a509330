//! How a task's own scorer graded an example: its texts, as long as those of the harness.

use serde::Serialize;

use super::{
    details::{Call, call, logs, texts_of},
    pieces::{Pieces, Text},
};
use mmh_record::format::{CallRow, ScorerTrace, TraceRow};

/// A grading.
#[derive(Debug, Serialize)]
pub struct Scoring {
    outcome: &'static str,
    score: f64,
    parts: Vec<(String, f64)>,
    error: Text,
    fuel: u64,
    memory: u64,
    logs: Vec<(String, Text)>,
    stdout: Text,
    stderr: Text,
    calls: Vec<Call>,
}

impl Scoring {
    /// What a row has of it, with the scorer's calls.
    pub fn of(pieces: &mut Pieces, row: &TraceRow, trace: &ScorerTrace, calls: &[CallRow]) -> Self {
        let grade = row.grade();
        Self {
            outcome: trace.error_kind.name(),
            score: grade.score,
            parts: grade.parts.into_iter().collect(),
            error: pieces.add(trace.error.as_deref().unwrap_or_default()),
            fuel: trace.fuel,
            memory: trace.peak_memory_bytes,
            logs: logs(pieces, &trace.logs),
            stdout: pieces.add(&trace.stdout),
            stderr: pieces.add(&trace.stderr),
            calls: calls.iter().map(|it| call(pieces, it)).collect(),
        }
    }

    /// All its texts.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let own = [&mut self.error, &mut self.stdout, &mut self.stderr].into_iter();
        own.chain(self.logs.iter_mut().map(|log| &mut log.1)).chain(texts_of(&mut self.calls))
    }
}
