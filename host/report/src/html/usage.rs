//! The most that a run used of each of its limits, as far as that is recorded.

use serde::Serialize;

use super::{
    data::Run,
    sketch::{CallSketch, TraceSketch},
};
use mmh_record::{
    format::{LearnRow, TranscriptRow},
    limits::{Limits, portions},
};

/// A limit and the most that was used of it.
#[derive(Debug, Serialize)]
pub struct LimitUse {
    pub name: &'static str,
    /// `bytes`, `ms`, or what is counted.
    pub unit: &'static str,
    pub limit: u64,
    /// None where it is not recorded.
    pub used: Option<u64>,
}

/// What one evaluation used at most.
#[derive(Clone, Debug, Default)]
pub struct Most {
    fuel: u64,
    memory: u64,
    wall_ms: u64,
    calls: u64,
    prompt: u64,
    reply_tokens: u64,
    answer: u64,
    log: u64,
    state: u64,
    steps: u64,
    proposer_reply_tokens: u64,
    tool_result: u64,
    attempts: u64,
}

impl Most {
    pub fn trace(&mut self, row: &TraceSketch) {
        let answer = row.predicted_label.as_ref().map_or(0, String::len);
        self.fuel = self.fuel.max(row.fuel);
        self.memory = self.memory.max(row.peak_memory_bytes);
        self.wall_ms = self.wall_ms.max(row.latency_ms.ceil() as u64);
        self.calls = self.calls.max(row.model_calls.into());
        self.answer = self.answer.max(answer as u64);
        self.log = self.log.max(row.logs.0.max(row.stdout.0).max(row.stderr.0));
    }

    pub fn learn(&mut self, row: &LearnRow) {
        // The limit is for each portion.
        self.fuel = self.fuel.max(row.fuel / portions(row.n_examples).max(1));
        self.memory = self.memory.max(row.peak_memory_bytes);
        self.state = self.state.max(row.state_bytes);
    }

    pub fn call(&mut self, call: &CallSketch) {
        self.prompt = self.prompt.max(call.prompt_bytes());
        self.reply_tokens = self.reply_tokens.max(call.usage.output_tokens);
        self.attempts = self.attempts.max(call.attempts.into());
    }

    pub fn proposer(&mut self, row: &TranscriptRow) {
        match row {
            TranscriptRow::Reply { step, reply, attempts, .. } => {
                self.steps = self.steps.max((*step).into());
                self.proposer_reply_tokens = self.proposer_reply_tokens.max(reply.usage.output_tokens);
                self.attempts = self.attempts.max((*attempts).into());
            }
            TranscriptRow::Answer { content, .. } => {
                for block in content {
                    if let mmh_record::chat::Block::ToolResult { content, .. } = block {
                        self.tool_result = self.tool_result.max(content.len() as u64);
                    }
                }
            }
            TranscriptRow::ToolCall { result, .. } => {
                self.tool_result = self.tool_result.max(result.len() as u64);
            }
            _ => {}
        }
    }

    /// The most of both.
    fn or(&self, other: &Self) -> Self {
        Self {
            fuel: self.fuel.max(other.fuel),
            memory: self.memory.max(other.memory),
            wall_ms: self.wall_ms.max(other.wall_ms),
            calls: self.calls.max(other.calls),
            prompt: self.prompt.max(other.prompt),
            reply_tokens: self.reply_tokens.max(other.reply_tokens),
            answer: self.answer.max(other.answer),
            log: self.log.max(other.log),
            state: self.state.max(other.state),
            steps: self.steps.max(other.steps),
            proposer_reply_tokens: self.proposer_reply_tokens.max(other.proposer_reply_tokens),
            tool_result: self.tool_result.max(other.tool_result),
            attempts: self.attempts.max(other.attempts),
        }
    }
}

/// Every limit of the run with the most that any evaluation used of it.
pub fn against(limits: &Limits, run: &Run, most: impl Iterator<Item = Most>) -> Vec<LimitUse> {
    let most = most.fold(Most::default(), |left, right| left.or(&right));
    let source = run.iterations.iter().map(|it| it.source.len() as u64).max();
    let component = run.iterations.iter().filter_map(|it| it.component_bytes).max();
    let scores = run.iterations.iter().filter_map(|it| it.score.as_ref());
    let state = scores.map(|score| score.state_bytes).max().unwrap_or(0).max(most.state);
    let row = |name, unit, limit, used| LimitUse { name, unit, limit, used };
    vec![
        row("fuel per call into a harness", "fuel", limits.fuel, Some(most.fuel)),
        row("memory of a harness", "bytes", limits.memory_bytes, Some(most.memory)),
        row("wall clock per example", "ms", limits.example_wall_ms, Some(most.wall_ms)),
        row("a harness's own time in one evaluation", "ms", limits.evaluation_ms, None),
        row("model calls per example", "calls", limits.model_calls.into(), Some(most.calls)),
        row("prompt of one call", "bytes", limits.prompt_bytes, Some(most.prompt)),
        row("reply of the target", "tokens", limits.reply_tokens.into(), Some(most.reply_tokens)),
        row("answer", "bytes", limits.answer_bytes, Some(most.answer)),
        row("logs, stdout, stderr, each", "bytes", limits.log_bytes, Some(most.log)),
        row("state", "bytes", limits.state_bytes, Some(state)),
        row("source", "bytes", limits.source_bytes, source),
        row("component", "bytes", limits.component_bytes, component),
        row("turns of the proposer", "turns", limits.proposer_steps.into(), Some(most.steps)),
        row(
            "reply of the proposer",
            "tokens",
            limits.proposer_reply_tokens.into(),
            Some(most.proposer_reply_tokens),
        ),
        row("tool result", "bytes", limits.tool_result_bytes, Some(most.tool_result)),
        row("attempts of a model call", "attempts", limits.attempts.into(), Some(most.attempts)),
        row("rustc, wall clock", "ms", limits.rustc_wall_ms, None),
        row("rustc, memory", "bytes", limits.rustc_memory_bytes, None),
        row("native compilation, wall clock", "ms", limits.native_wall_ms, None),
        row("native compilation, memory", "bytes", limits.native_memory_bytes, None),
        row("one attempt at the target", "ms", limits.target_attempt_ms, None),
        row("one attempt at the proposer", "ms", limits.proposer_attempt_ms, None),
        row("a whole call of the proposer", "ms", limits.proposer_call_ms, None),
        row("compiler diagnostics shown", "bytes", limits.diagnostics_bytes, None),
    ]
}
