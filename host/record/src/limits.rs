//! Every limit of a run, in one place. Each is recorded, and usage is shown against it.

use serde::{Deserialize, Serialize};

/// The limits that hold for a run. Units stand last in the names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Wasmtime fuel per `predict` or `learn` call.
    pub fuel: u64,
    /// All memories of an instance together.
    pub memory_bytes: u64,
    /// Wall clock per example, model time included. A safety net: nothing that scores depends on it.
    pub example_wall_ms: u64,
    /// The time of a harness's own code in one evaluation: `learn` and all examples together, without waiting for models.
    /// Also a safety net: a harness that reaches it gets no score.
    pub evaluation_ms: u64,
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
    /// rustc and the linkers together, per invocation.
    pub rustc_memory_bytes: u64,
    /// Compiler diagnostics that are kept and shown.
    pub diagnostics_bytes: u64,
    /// Native compilation of a component, wall clock.
    pub native_wall_ms: u64,
    /// Native compilation of a component, memory.
    pub native_memory_bytes: u64,
    /// Model turns of the proposer per iteration.
    pub proposer_steps: u32,
    /// Tokens of one reply of the proposer.
    pub proposer_reply_tokens: u32,
    /// One tool result.
    pub tool_result_bytes: u64,
    /// Tool calls of one turn of the proposer.
    pub turn_tool_calls: u32,
    /// The time of all tool calls of one turn together.
    pub turn_tools_ms: u64,
    /// One attempt of a call to the target model. All attempts together have the time that the example has left.
    pub target_attempt_ms: u64,
    /// One attempt of a call to the proposer.
    pub proposer_attempt_ms: u64,
    /// All attempts of a call to the proposer together, with the waiting between them.
    pub proposer_call_ms: u64,
    /// How often a model is asked before a call is given up.
    pub attempts: u32,
}

impl Limits {
    /// The limits for a target on this machine, where an answer may take half a minute or more on a busy processor. The wall
    /// clock of an example leaves room for one attempt that takes as long as it may.
    pub fn of_local_target() -> Self {
        Self { target_attempt_ms: 600_000, example_wall_ms: 660_000, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            memory_bytes: 256 << 20,
            example_wall_ms: 60_000,
            evaluation_ms: 900_000,
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
            turn_tool_calls: 32,
            turn_tools_ms: 1_800_000,
            target_attempt_ms: 30_000,
            proposer_attempt_ms: 600_000,
            proposer_call_ms: 1_800_000,
            attempts: 6,
        }
    }
}
