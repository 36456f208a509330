//! The limits as options. What is not given keeps its default.

use clap::Args;

use crate::limits::Limits;

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;

#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Fuel per predict or learn call [default: 10000000000]
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u64).range(1..))]
    fuel: Option<u64>,
    /// Memory of a harness [default: 256]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    memory_mib: Option<u64>,
    /// Wall clock per example, model time included [default: 60]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    example_timeout_s: Option<u64>,
    /// Model calls per example [default: 16]
    #[arg(long, value_name = "N")]
    model_calls: Option<u32>,
    /// Prompt text of one model call [default: 256]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    prompt_kib: Option<u64>,
    /// Tokens of one reply [default: 4096]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    reply_tokens: Option<u32>,
    /// A prediction's label [default: 64]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    answer_kib: Option<u64>,
    /// Logs, standard output and standard error of one example, each [default: 64]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    log_kib: Option<u64>,
    /// A learning harness's state [default: 16]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    state_mib: Option<u64>,
    /// Model calls, logs and output of one evaluation, in equal shares for its examples [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    evaluation_record_mib: Option<u64>,
    /// A candidate's source [default: 256]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    source_kib: Option<u64>,
    /// A candidate's component [default: 16]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    component_mib: Option<u64>,
    /// Wall clock of rustc [default: 60]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    rustc_timeout_s: Option<u64>,
    /// Memory of rustc [default: 2048]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(512..=1_048_576))]
    rustc_memory_mib: Option<u64>,
    /// Compiler diagnostics that are shown [default: 8]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=1024))]
    diagnostics_kib: Option<u64>,
    /// Wall clock of native compilation [default: 30]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    native_timeout_s: Option<u64>,
    /// Memory of native compilation [default: 2048]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(512..=1_048_576))]
    native_memory_mib: Option<u64>,
    /// The proposer's turns per iteration [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    proposer_steps: Option<u32>,
    /// Tokens of one reply of the proposer [default: 16384]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    proposer_reply_tokens: Option<u32>,
    /// One tool result for the proposer [default: 64]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u64).range(1..=65_536))]
    tool_result_kib: Option<u64>,
    /// One attempt of a call to the target model [default: 30]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    target_timeout_s: Option<u64>,
    /// One attempt of a call to the proposer [default: 600]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    proposer_timeout_s: Option<u64>,
    /// All attempts of a call to the proposer, and the waiting between them [default: 1800]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    proposer_call_timeout_s: Option<u64>,
    /// How often a model is asked before a call is given up [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: Option<u32>,
}

impl LimitArgs {
    /// The limits that hold.
    pub fn resolve(&self) -> Limits {
        let default = Limits::default();
        let scaled =
            |given: Option<u64>, unit: u64, default: u64| given.map_or(default, |given| given * unit);
        Limits {
            fuel: self.fuel.unwrap_or(default.fuel),
            memory_bytes: scaled(self.memory_mib, MIB, default.memory_bytes),
            example_wall_ms: scaled(self.example_timeout_s, 1000, default.example_wall_ms),
            model_calls: self.model_calls.unwrap_or(default.model_calls),
            prompt_bytes: scaled(self.prompt_kib, KIB, default.prompt_bytes),
            reply_tokens: self.reply_tokens.unwrap_or(default.reply_tokens),
            answer_bytes: scaled(self.answer_kib, KIB, default.answer_bytes),
            log_bytes: scaled(self.log_kib, KIB, default.log_bytes),
            state_bytes: scaled(self.state_mib, MIB, default.state_bytes),
            evaluation_record_bytes: scaled(self.evaluation_record_mib, MIB, default.evaluation_record_bytes),
            source_bytes: scaled(self.source_kib, KIB, default.source_bytes),
            component_bytes: scaled(self.component_mib, MIB, default.component_bytes),
            rustc_wall_ms: scaled(self.rustc_timeout_s, 1000, default.rustc_wall_ms),
            rustc_memory_bytes: scaled(self.rustc_memory_mib, MIB, default.rustc_memory_bytes),
            diagnostics_bytes: scaled(self.diagnostics_kib, KIB, default.diagnostics_bytes),
            native_wall_ms: scaled(self.native_timeout_s, 1000, default.native_wall_ms),
            native_memory_bytes: scaled(self.native_memory_mib, MIB, default.native_memory_bytes),
            proposer_steps: self.proposer_steps.unwrap_or(default.proposer_steps),
            proposer_reply_tokens: self.proposer_reply_tokens.unwrap_or(default.proposer_reply_tokens),
            tool_result_bytes: scaled(self.tool_result_kib, KIB, default.tool_result_bytes),
            target_attempt_ms: scaled(self.target_timeout_s, 1000, default.target_attempt_ms),
            proposer_attempt_ms: scaled(self.proposer_timeout_s, 1000, default.proposer_attempt_ms),
            proposer_call_ms: scaled(self.proposer_call_timeout_s, 1000, default.proposer_call_ms),
            attempts: self.attempts.unwrap_or(default.attempts),
        }
    }
}

/// The options that give a single evaluation these limits: those that differ from the defaults.
pub fn options(limits: &Limits) -> Vec<String> {
    let default = Limits::default();
    let table = [
        ("--fuel", limits.fuel, default.fuel, 1),
        ("--memory-mib", limits.memory_bytes, default.memory_bytes, MIB),
        ("--example-timeout-s", limits.example_wall_ms, default.example_wall_ms, 1000),
        ("--model-calls", limits.model_calls.into(), default.model_calls.into(), 1),
        ("--prompt-kib", limits.prompt_bytes, default.prompt_bytes, KIB),
        ("--reply-tokens", limits.reply_tokens.into(), default.reply_tokens.into(), 1),
        ("--answer-kib", limits.answer_bytes, default.answer_bytes, KIB),
        ("--log-kib", limits.log_bytes, default.log_bytes, KIB),
        ("--state-mib", limits.state_bytes, default.state_bytes, MIB),
        ("--component-mib", limits.component_bytes, default.component_bytes, MIB),
        ("--native-timeout-s", limits.native_wall_ms, default.native_wall_ms, 1000),
        ("--native-memory-mib", limits.native_memory_bytes, default.native_memory_bytes, MIB),
    ];
    let differing = table.into_iter().filter(|(_, limit, default, _)| limit != default);
    differing.flat_map(|(name, limit, _, unit)| [name.to_owned(), limit.div_ceil(unit).to_string()]).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        limits: LimitArgs,
    }

    /// What the options say is what they were made of.
    #[test]
    fn options_give_the_limits_again() {
        let changed = Limits {
            fuel: 7,
            memory_bytes: 3 * MIB,
            example_wall_ms: 2000,
            model_calls: 0,
            prompt_bytes: KIB,
            reply_tokens: 5,
            answer_bytes: 2 * KIB,
            log_bytes: 8 * KIB,
            state_bytes: MIB,
            component_bytes: 2 * MIB,
            native_wall_ms: 1000,
            native_memory_bytes: 600 * MIB,
            ..Limits::default()
        };
        for limits in [Limits::default(), changed] {
            let words = ["mmh".to_owned()].into_iter().chain(options(&limits));
            let parsed = Cli::try_parse_from(words).map(|cli| cli.limits.resolve());
            assert_eq!(parsed.ok(), Some(limits));
        }
    }
}
