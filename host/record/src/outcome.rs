//! How a call into a harness can end: `error_kind` in traces.

use serde::{Deserialize, Serialize};

/// The kinds of ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// There is a prediction, right or wrong.
    Ok,
    /// The harness returned an error.
    HarnessError,
    /// The harness panicked.
    Panic,
    /// Any other trap.
    Trap,
    /// The harness ended its process.
    Exit,
    /// Calls were nested too deeply.
    StackOverflow,
    /// The harness computed more than `limits.fuel` allows.
    OutOfFuel,
    /// The harness asked for more memory than `limits.memory_bytes` and could not do without.
    MemoryLimit,
    /// Wall clock: the only ending that may differ from machine to machine.
    Timeout,
    /// The harness gave up because its model calls were used up.
    CallLimit,
    /// The harness gave up because a prompt was too large.
    PromptLimit,
    /// An answer or a state was too large.
    OutputLimit,
    /// Model calls, logs and output were more than the example's share of the record.
    RecordLimit,
    /// The component could not be started as a harness.
    BadComponent,
    /// The harness gave up because the model gave no reply.
    ModelError,
    /// The harness gave up because the run's money was spent.
    BudgetSpent,
    /// The scorer returned what is no grade, such as a score above 1.
    BadGrade,
    /// The scorer returned an error.
    ScorerError,
}

impl OutcomeKind {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::HarnessError => "harness-error",
            Self::Panic => "panic",
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::StackOverflow => "stack-overflow",
            Self::OutOfFuel => "out-of-fuel",
            Self::MemoryLimit => "memory-limit",
            Self::Timeout => "timeout",
            Self::CallLimit => "call-limit",
            Self::PromptLimit => "prompt-limit",
            Self::OutputLimit => "output-limit",
            Self::RecordLimit => "record-limit",
            Self::BadComponent => "bad-component",
            Self::ModelError => "model-error",
            Self::BudgetSpent => "budget-spent",
            Self::BadGrade => "bad-grade",
            Self::ScorerError => "scorer-error",
        }
    }
}
