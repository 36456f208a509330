//! Every limit of a run, in one place. Each is recorded, and usage is shown against it.

use serde::{Deserialize, Serialize};

/// Train examples of a portion: the part of a batch by which the limits of a `learn` call are counted. A harness that is
/// written with the SDK gets one portion after the other.
pub const PORTION: usize = 20;

/// Most bytes of a `learn` call's logs, and of each of its streams, whatever the number of its portions: they stand in one
/// line of the record.
const MAX_BATCH_LOG_BYTES: u64 = 1 << 20;

/// The part of a component for which the time of native compilation is counted.
const NATIVE_UNIT_BYTES: u64 = 2 << 20;

/// How many times as long the compiler of another language may take, which starts that language's runtime and stores it.
const RUNTIME_TIMES: u64 = 3;

/// Trials on validation examples, unless the run sets another number.
const VAL_TRIALS: u32 = 20;

fn is_default_of_val_trials(trials: &u32) -> bool {
    *trials == VAL_TRIALS
}

/// How many portions so many train examples are.
pub fn portions(examples: usize) -> u64 {
    examples.div_ceil(PORTION) as u64
}

/// The limits that hold for a run. Units stand last in the names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Wasmtime fuel per `predict` call, and for each portion of a `learn` call: see [`Limits::of_batch`].
    pub fuel: u64,
    /// All memories of an instance together.
    pub memory_bytes: u64,
    /// Wall clock per example and per portion of a `learn` call, model time included. A safety net: nothing that scores
    /// depends on it.
    pub example_wall_ms: u64,
    /// The time of a harness's own code in one evaluation: `learn` and all examples together, without waiting for models.
    /// Also a safety net: a harness that reaches it gets no score.
    pub evaluation_ms: u64,
    /// Model calls per example, and for each portion of a `learn` call.
    pub model_calls: u32,
    /// All text of one model call's prompt.
    pub prompt_bytes: u64,
    /// Tokens of one reply.
    pub reply_tokens: u32,
    /// A prediction's label, or a harness's error text.
    pub answer_bytes: u64,
    /// Log lines, and standard output and error, of one example or one portion of a `learn` call, up to 1 MiB of a whole
    /// call; each stream by itself.
    pub log_bytes: u64,
    /// A learning harness's state.
    pub state_bytes: u64,
    /// Model calls, logs and output of one evaluation, as they stand in the record. Every example and every
    /// portion of a `learn` call has an equal share of it.
    pub evaluation_record_bytes: u64,
    /// A candidate's source file.
    pub source_bytes: u64,
    /// A candidate's component.
    pub component_bytes: u64,
    /// rustc, per invocation. Another compiler may take longer: see [`Limits::runtime_wall_ms`].
    pub rustc_wall_ms: u64,
    /// rustc and the linkers together, per invocation.
    pub rustc_memory_bytes: u64,
    /// Compiler diagnostics that are kept and shown.
    pub diagnostics_bytes: u64,
    /// Native compilation of a component, wall clock, for each 2 MiB of it: see [`Limits::native_wall_ms_of`].
    pub native_wall_ms: u64,
    /// Native compilation of a component, memory.
    pub native_memory_bytes: u64,
    /// Model turns of the proposer per iteration.
    pub proposer_steps: u32,
    /// Tokens of one reply of the proposer.
    pub proposer_reply_tokens: u32,
    /// Trials on validation examples that the proposer of one candidate may make. Absent in a run that has the default.
    #[serde(skip_serializing_if = "is_default_of_val_trials")]
    pub val_trials: u32,
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
    /// The limits of a `learn` call with so many train examples. What a harness may use grows with the portions of the
    /// batch: fuel, wall clock, model calls and logs. What it may hold at once does not: memory, its state, a prompt.
    pub fn of_batch(&self, examples: usize) -> Self {
        let portions = portions(examples).max(1);
        Self {
            fuel: self.fuel.saturating_mul(portions),
            example_wall_ms: self.example_wall_ms.saturating_mul(portions),
            model_calls: u32::try_from(u64::from(self.model_calls).saturating_mul(portions))
                .unwrap_or(u32::MAX),
            log_bytes: self.log_bytes.saturating_mul(portions).min(MAX_BATCH_LOG_BYTES.max(self.log_bytes)),
            ..self.clone()
        }
    }

    /// How long native compilation of a component of so many bytes may take. A runtime of another language has 10 to
    /// 20 MiB and takes as much longer.
    pub fn native_wall_ms_of(&self, component_bytes: u64) -> u64 {
        self.native_wall_ms.saturating_mul(component_bytes.div_ceil(NATIVE_UNIT_BYTES).max(1))
    }

    /// How long the compiler of a language that brings its runtime along may take, per invocation.
    pub fn runtime_wall_ms(&self) -> u64 {
        self.rustc_wall_ms.saturating_mul(RUNTIME_TIMES)
    }

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
            component_bytes: 32 << 20,
            rustc_wall_ms: 60_000,
            rustc_memory_bytes: 2 << 30,
            diagnostics_bytes: 8 << 10,
            native_wall_ms: 30_000,
            native_memory_bytes: 2 << 30,
            proposer_steps: 24,
            proposer_reply_tokens: 16_384,
            val_trials: VAL_TRIALS,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_component_may_take_longer_to_compile() {
        let limits = Limits { native_wall_ms: 30_000, ..Limits::default() };
        for (mib, expected_s) in [(0, 30), (1, 30), (2, 30), (3, 60), (12, 180), (18, 270), (32, 480)] {
            assert_eq!(limits.native_wall_ms_of(mib << 20), expected_s * 1000, "{mib} MiB");
        }
    }

    #[test]
    fn what_a_batch_may_use_grows_with_its_portions() {
        let one = Limits::default();
        // examples, how many portions they are
        for (examples, portions) in [(0, 1), (1, 1), (20, 1), (21, 2), (40, 2), (10_000, 500)] {
            let found = one.of_batch(examples);
            let used = (found.fuel, found.example_wall_ms, u64::from(found.model_calls));
            let expected = [one.fuel, one.example_wall_ms, one.model_calls.into()].map(|it| it * portions);
            assert_eq!([used.0, used.1, used.2], expected, "{examples}");
            assert_eq!(found.log_bytes, (one.log_bytes * portions).min(1 << 20), "{examples}");
            let held = |it: &Limits| (it.memory_bytes, it.state_bytes, it.prompt_bytes, it.reply_tokens);
            assert_eq!(held(&found), held(&one), "{examples}");
        }
        let large = Limits { fuel: u64::MAX, model_calls: u32::MAX, log_bytes: 2 << 20, ..one };
        let found = large.of_batch(60);
        assert_eq!((found.fuel, found.model_calls, found.log_bytes), (u64::MAX, u32::MAX, 2 << 20));
    }
}
