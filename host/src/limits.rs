//! Every limit of a run, in one place. Each is recorded, and usage is shown against it.

use serde::{Deserialize, Serialize};

/// The limits that hold for a run. Units stand last in the names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Wasmtime fuel per `predict` or `learn` call.
    pub fuel: u64,
    /// All memories of an instance together.
    pub memory_bytes: u64,
    /// Wall clock per example, model time included. A safety net: nothing that scores depends on it.
    pub example_wall_ms: u64,
    /// Model calls per example, and per `learn` batch.
    pub model_calls: u32,
    /// All text of one model call's prompt.
    pub prompt_bytes: u64,
    /// Tokens of one reply.
    pub reply_tokens: u32,
    /// A prediction's label, or a harness's error text.
    pub answer_bytes: u64,
    /// Log lines, and standard output and error, of one example; each stream by itself.
    pub log_bytes: u64,
    /// A learning harness's state.
    pub state_bytes: u64,
    /// Model calls, logs and output of one evaluation, as they stand in the record. Every example and every
    /// batch of `learn` has an equal share of it.
    pub evaluation_record_bytes: u64,
    /// A candidate's source file.
    pub source_bytes: u64,
    /// A candidate's component.
    pub component_bytes: u64,
    /// rustc, per invocation.
    pub rustc_wall_ms: u64,
    pub rustc_memory_bytes: u64,
    /// Compiler diagnostics that are kept and shown.
    pub diagnostics_bytes: u64,
    /// Native compilation of a component.
    pub native_wall_ms: u64,
    pub native_memory_bytes: u64,
    /// Model turns of the proposer per iteration.
    pub proposer_steps: u32,
    /// Tokens of one reply of the proposer.
    pub proposer_reply_tokens: u32,
    /// One tool result.
    pub tool_result_bytes: u64,
    /// One attempt of a call to the target model. All of them have what the example has left.
    pub target_attempt_ms: u64,
    /// One attempt of a call to the proposer, and all of them together.
    pub proposer_attempt_ms: u64,
    pub proposer_call_ms: u64,
    /// How often a model is asked before a call is given up.
    pub attempts: u32,
}

impl Limits {
    /// These limits, where they stand in a file of a stranger's: none beyond what one could ask for oneself.
    pub fn within_reason(mut self) -> Self {
        const MIB: u64 = 1 << 20;
        const HOUR_MS: u64 = 3_600_000;
        self.memory_bytes = self.memory_bytes.min(4096 * MIB);
        self.state_bytes = self.state_bytes.min(1024 * MIB);
        self.component_bytes = self.component_bytes.min(1024 * MIB);
        self.source_bytes = self.source_bytes.min(64 * MIB);
        self.evaluation_record_bytes = self.evaluation_record_bytes.min(4096 * MIB);
        for bytes in [&mut self.prompt_bytes, &mut self.answer_bytes, &mut self.log_bytes] {
            *bytes = (*bytes).min(1024 * MIB);
        }
        for wall_ms in [&mut self.example_wall_ms, &mut self.rustc_wall_ms, &mut self.native_wall_ms] {
            *wall_ms = (*wall_ms).min(HOUR_MS);
        }
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            memory_bytes: 256 << 20,
            example_wall_ms: 60_000,
            model_calls: 16,
            prompt_bytes: 256 << 10,
            reply_tokens: 4096,
            answer_bytes: 64 << 10,
            log_bytes: 64 << 10,
            state_bytes: 16 << 20,
            evaluation_record_bytes: 1 << 30,
            source_bytes: 256 << 10,
            component_bytes: 16 << 20,
            rustc_wall_ms: 60_000,
            rustc_memory_bytes: 2 << 30,
            diagnostics_bytes: 8 << 10,
            native_wall_ms: 30_000,
            native_memory_bytes: 2 << 30,
            proposer_steps: 24,
            proposer_reply_tokens: 16_384,
            tool_result_bytes: 64 << 10,
            target_attempt_ms: 30_000,
            proposer_attempt_ms: 600_000,
            proposer_call_ms: 1_800_000,
            attempts: 6,
        }
    }
}
