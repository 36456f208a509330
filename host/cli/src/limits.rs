//! The limits as options, one row each: how it is named, counted and described, and who may change it when. Beside them stands
//! what this machine gives, which is no part of a run.

use clap::Args;

use crate::{error::CliError, machine};
use mmh_engine::memory::MemoryBudget;
use mmh_record::{limits::Limits, text};

const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;
const S: u64 = 1000;
const MOST: u64 = u32::MAX as u64;
const DAY_S: u64 = 86_400;

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// What a harness, or its compiler, may do: with another limit, a score may be another one.
    Results,
    /// What the proposer is shown and may do: with another limit, it may write another harness.
    Proposals,
    /// How long work that repeats a result may take.
    RetryPolicy,
    /// How long and how often a model is waited for.
    Models,
}

impl About {
    /// Whether it holds where recorded harnesses are compiled and run, and no model is asked.
    pub fn is_of_evaluation(self) -> bool {
        matches!(self, Self::Results | Self::RetryPolicy)
    }

    /// Whether it can be changed while a run goes on.
    pub fn is_changeable(self) -> bool {
        matches!(self, Self::RetryPolicy | Self::Models)
    }
}

/// A limit and its option.
pub struct Row {
    pub option: &'static str,
    /// What one of the option's units is, in what [`Limits`] counts in.
    pub unit: u64,
    /// Most of the option's units.
    pub most: u64,
    pub about: About,
    pub get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
    given: fn(&LimitArgs) -> Option<u64>,
}

impl Row {
    /// The limit that is asked for, if it is.
    pub fn asked(&self, args: &LimitArgs) -> Option<u64> {
        (self.given)(args).map(|given| given.saturating_mul(self.unit))
    }

    pub fn put(&self, limits: &mut Limits, limit: u64) {
        (self.set)(limits, limit);
    }

    /// A limit as one writes it down: `--fuel 7`.
    pub fn written(&self, limit: u64) -> String {
        format!("{} {}", self.option, limit.div_ceil(self.unit))
    }

    /// A limit that no option gives.
    pub fn is_beyond(&self, limit: u64) -> bool {
        limit.div_ceil(self.unit) > self.most
    }
}

/// Makes the options and their rows: field, option, name of its value, unit, range, limit, what it is about.
macro_rules! limits {
    ($($field:ident $option:literal $value:literal $unit:expr, $least:expr, $most:expr => $limit:ident: $kind:ty, $about:ident, $help:literal;)*) => {
        #[derive(Args, Default)]
        #[command(next_help_heading = "Limits")]
        pub struct LimitArgs {
            $(
                #[arg(
                    long,
                    value_name = $value,
                    value_parser = clap::value_parser!(u64).range($least..=$most),
                    help = format!("{} [default: {}]", $help, u64::from(Limits::default().$limit) / $unit)
                )]
                $field: Option<u64>,
            )*
            #[command(flatten)]
            pub machine: MachineArgs,
        }

        /// All limits.
        pub const ROWS: &[Row] = &[
            $(Row {
                option: $option,
                unit: $unit,
                most: $most,
                about: About::$about,
                get: |limits| u64::from(limits.$limit),
                set: |limits, limit| limits.$limit = <$kind>::try_from(limit).unwrap_or(<$kind>::MAX),
                given: |args| args.$field,
            },)*
        ];
    };
}

limits! {
    fuel "--fuel" "UNITS" 1, 1, u64::MAX => fuel: u64, Results,
        "Fuel per example, and per 20 train examples of learn";
    memory_mib "--memory-mib" "MIB" MIB, 1, 4096 => memory_bytes: u64, Results,
        "Memory of a harness";
    example_timeout_s "--example-timeout-s" "S" S, 1, DAY_S => example_wall_ms: u64, RetryPolicy,
        "Wall clock per example, model time included; 660 where the target is on this machine";
    evaluation_timeout_s "--evaluation-timeout-s" "S" S, 1, 604_800 => evaluation_ms: u64, RetryPolicy,
        "A harness's own time in one evaluation: learn and all examples together, without waiting for models";
    model_calls "--model-calls" "N" 1, 0, MOST => model_calls: u32, Results,
        "Model calls per example, and per 20 train examples of learn";
    prompt_kib "--prompt-kib" "KIB" KIB, 1, MIB => prompt_bytes: u64, Results,
        "Prompt text of one model call";
    reply_tokens "--reply-tokens" "N" 1, 1, MOST => reply_tokens: u32, Results,
        "Tokens of one reply";
    answer_kib "--answer-kib" "KIB" KIB, 1, MIB => answer_bytes: u64, Results,
        "A prediction's label";
    log_kib "--log-kib" "KIB" KIB, 1, MIB => log_bytes: u64, Results,
        "Logs, standard output and standard error of one example, each";
    state_mib "--state-mib" "MIB" MIB, 1, KIB => state_bytes: u64, Results,
        "A learning harness's state";
    evaluation_record_mib "--evaluation-record-mib" "MIB" MIB, 1, 4096 => evaluation_record_bytes: u64, Results,
        "Model calls, logs and output of one evaluation, in equal shares for its examples";
    source_kib "--source-kib" "KIB" KIB, 1, 65_536 => source_bytes: u64, Results,
        "A candidate's source";
    component_mib "--component-mib" "MIB" MIB, 1, KIB => component_bytes: u64, Results,
        "A candidate's component";
    rustc_timeout_s "--rustc-timeout-s" "S" S, 1, DAY_S => rustc_wall_ms: u64, RetryPolicy,
        "Wall clock of rustc";
    rustc_memory_mib "--rustc-memory-mib" "MIB" MIB, 512, MIB => rustc_memory_bytes: u64, Results,
        "Memory of rustc";
    diagnostics_kib "--diagnostics-kib" "KIB" KIB, 1, KIB => diagnostics_bytes: u64, Proposals,
        "Compiler diagnostics that are shown";
    native_timeout_s "--native-timeout-s" "S" S, 1, DAY_S => native_wall_ms: u64, RetryPolicy,
        "Wall clock of native compilation";
    native_memory_mib "--native-memory-mib" "MIB" MIB, 512, MIB => native_memory_bytes: u64, Results,
        "Memory of native compilation";
    proposer_steps "--proposer-steps" "N" 1, 1, 1000 => proposer_steps: u32, Proposals,
        "The proposer's turns per iteration";
    proposer_reply_tokens "--proposer-reply-tokens" "N" 1, 1, MOST => proposer_reply_tokens: u32, Proposals,
        "Tokens of one reply of the proposer";
    val_trials "--val-trials" "N" 1, 0, 100_000 => val_trials: u32, Proposals,
        "Trials on validation examples of one candidate; trials on train examples are not counted";
    tool_result_kib "--tool-result-kib" "KIB" KIB, 1, 65_536 => tool_result_bytes: u64, Proposals,
        "One tool result for the proposer";
    turn_tool_calls "--turn-tool-calls" "N" 1, 1, 10_000 => turn_tool_calls: u32, Proposals,
        "Tool calls of one turn of the proposer";
    turn_tools_timeout_s "--turn-tools-timeout-s" "S" S, 1, DAY_S => turn_tools_ms: u64, RetryPolicy,
        "All tool calls of one turn of the proposer together";
    target_timeout_s "--target-timeout-s" "S" S, 1, DAY_S => target_attempt_ms: u64, Models,
        "One attempt of a call to the target model; 600 where it is on this machine";
    proposer_timeout_s "--proposer-timeout-s" "S" S, 1, DAY_S => proposer_attempt_ms: u64, Models,
        "One attempt of a call to the proposer";
    proposer_call_timeout_s "--proposer-call-timeout-s" "S" S, 1, DAY_S => proposer_call_ms: u64, Models,
        "All attempts of a call to the proposer, and the waiting between them";
    attempts "--attempts" "N" 1, 1, 100 => attempts: u32, Models,
        "How often a model is asked before a call is given up";
}

/// What this machine gives to all work at once. It changes no result, and no run records it.
#[derive(Args, Default)]
#[command(next_help_heading = "This machine")]
pub struct MachineArgs {
    /// Memory of all harnesses that run at once: further ones wait for room [default: half of the machine's or the
    /// container's]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    total_memory_mib: Option<u64>,
}

impl MachineArgs {
    /// The memory of all calls at once. One call alone has to fit into it.
    pub fn memory(&self, limits: &Limits) -> Result<MemoryBudget, CliError> {
        let most = self.total_memory_mib.map(|mib| mib.saturating_mul(MIB));
        memory(most, machine::memory_bytes(), limits.memory_bytes).map(MemoryBudget::new)
    }
}

/// The bytes of all calls at once: as many as are asked for, or half of what there is, and enough for one call.
fn memory(asked: Option<u64>, there_is: Option<u64>, of_one: u64) -> Result<u64, CliError> {
    let least = MemoryBudget::least(of_one);
    let advice = || {
        let one = text::bytes(of_one);
        format!(
            "one harness may take {one} (--memory-mib), so it has to be {} or more; or lower --memory-mib",
            least.div_ceil(MIB)
        )
    };
    match (asked, there_is) {
        (Some(asked), _) if asked < least => {
            Err(CliError::input(format!("--total-memory-mib {}: {}", asked / MIB, advice())))
        }
        (Some(asked), _) => Ok(asked),
        (None, Some(all)) if all < least => Err(CliError::input(format!(
            "this machine has {} of memory, too little for --total-memory-mib: {}",
            text::bytes(all),
            advice()
        ))),
        (None, Some(all)) => Ok((all / 2).max(least)),
        (None, None) => Ok(u64::MAX),
    }
}

impl LimitArgs {
    /// The limits of something new: what is not given keeps its default. A target on this machine gets more
    /// time.
    pub fn resolve(&self, local_target: bool) -> Limits {
        let mut limits = if local_target { Limits::of_local_target() } else { Limits::default() };
        for row in ROWS {
            if let Some(limit) = row.asked(self) {
                row.put(&mut limits, limit);
            }
        }
        limits
    }
}

/// The options that give a single evaluation these limits: those that differ from the defaults.
pub fn options(limits: &Limits) -> Vec<String> {
    let default = Limits::default();
    let differing = ROWS.iter().filter(|row| {
        let compiles_only = ["--source-kib", "--rustc-timeout-s", "--rustc-memory-mib"].contains(&row.option);
        row.about.is_of_evaluation() && !compiles_only && (row.get)(limits) != (row.get)(&default)
    });
    differing
        .flat_map(|row| row.written((row.get)(limits)).split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
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

    /// Every limit has its row, and each row's option sets that limit and no other.
    #[test]
    fn every_limit_has_its_option() {
        // One field is absent where it has its default.
        let limits = Limits { val_trials: 0, ..Limits::default() };
        let fields = serde_json::to_value(limits).expect("JSON");
        assert_eq!(fields.as_object().expect("an object").len(), ROWS.len());
        for row in ROWS {
            let most = row.most.min(row.most.saturating_mul(row.unit) / row.unit).to_string();
            let parsed = Cli::try_parse_from(["mmh", row.option, &most]).expect(row.option).limits;
            let (found, mut expected) = (parsed.resolve(false), Limits::default());
            row.put(&mut expected, (row.get)(&found));
            assert_eq!(found, expected, "{}", row.option);
            assert_ne!(found, Limits::default(), "{}", row.option);
            assert_eq!(row.asked(&parsed), Some((row.get)(&found)), "{}", row.option);
            assert!(!row.is_beyond((row.get)(&found)), "{}", row.option);
        }
    }

    /// One call alone always fits; if it cannot, both options are named.
    #[test]
    fn the_memory_of_all_calls_has_room_for_one() {
        let least = MemoryBudget::least(256 * MIB);
        // name, asked for, what there is, of one call, what comes of it
        let table = [
            ("half of the machine", None, Some(8192 * MIB), 256 * MIB, Some(4096 * MIB)),
            ("more than half for one", None, Some(400 * MIB), 256 * MIB, Some(least)),
            ("unknown", None, None, 256 * MIB, Some(u64::MAX)),
            ("asked for", Some(600 * MIB), Some(8192 * MIB), 256 * MIB, Some(600 * MIB)),
            ("more than there is", Some(9000 * MIB), Some(8192 * MIB), 256 * MIB, Some(9000 * MIB)),
            ("just enough", Some(257 * MIB), None, 256 * MIB, Some(257 * MIB)),
            ("too little for one", Some(256 * MIB), None, 256 * MIB, None),
            ("a machine that is too small", None, Some(200 * MIB), 256 * MIB, None),
        ];
        for (name, asked, there_is, of_one, expected) in table {
            match (memory(asked, there_is, of_one), expected) {
                (Ok(found), Some(expected)) => assert_eq!(found, expected, "{name}"),
                (Err(error), None) => {
                    let said = error.to_string();
                    let options = ["--total-memory-mib", "--memory-mib", "257"];
                    assert!(options.iter().all(|it| said.contains(it)), "{name}: {said}");
                }
                (found, _) => panic!("{name}: {:?}", found.ok()),
            }
        }
    }

    /// What the options say is what they were made of.
    #[test]
    fn options_give_the_limits_again() {
        let changed = Limits {
            fuel: 7,
            memory_bytes: 3 * MIB,
            example_wall_ms: 2000,
            evaluation_ms: 5000,
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
            let parsed = Cli::try_parse_from(words).map(|cli| cli.limits.resolve(false));
            assert_eq!(parsed.ok(), Some(limits));
        }
    }
}
