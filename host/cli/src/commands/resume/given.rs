//! Which options were given, and which of them a run that goes on does not take: everything that could change a result,
//! and every option of a group that is not named here.

use std::collections::HashSet;

use clap::{Arg, ArgGroup, ArgMatches, Args, Id, parser::ValueSource};

use crate::commands::mcp::HostArgs;
use crate::commands::run::{AgainArgs, ChangeableArgs, EachTimeArgs, RunArgs};
use crate::{
    agent_args::AgentArgs,
    error::CliError,
    fleet_args::{NatsArgs, OnWorkersArgs},
    limits::{MachineArgs, ROWS},
    model_args::{ProposerServerArgs, SpendingArgs, TargetModelArg, TargetServerArgs},
    workbench::ColumnArgs,
};
use mmh_record::format::{Config, Learning};

/// The groups of options that a run which goes on takes as well. Limits say for themselves whether they may be changed.
/// A group has the options of its own struct, and none of a struct that is flattened into it.
fn taken() -> [Option<Id>; 13] {
    [
        HostArgs::group_id(),
        AgainArgs::group_id(),
        EachTimeArgs::group_id(),
        ChangeableArgs::group_id(),
        ColumnArgs::group_id(),
        ProposerServerArgs::group_id(),
        AgentArgs::group_id(),
        TargetModelArg::group_id(),
        TargetServerArgs::group_id(),
        SpendingArgs::group_id(),
        MachineArgs::group_id(),
        OnWorkersArgs::group_id(),
        NatsArgs::group_id(),
    ]
}

/// An option that was given on the command line.
#[derive(Clone, Debug)]
struct GivenOption {
    /// Such as `--seed`.
    name: String,
    /// The value as it stands there; `true` for a flag.
    value: String,
    /// Whether a run that goes on takes it.
    is_taken: bool,
    /// Whether every command takes it.
    is_global: bool,
}

/// The options that were given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<GivenOption>);

impl Given {
    /// By what the parser found for a command.
    pub fn of(command: &clap::Command, matches: &ArgMatches) -> Self {
        let taken = taken();
        let groups = command.get_groups().filter(|group| taken.contains(&Some(group.get_id().clone())));
        let taken: HashSet<&Id> = groups.flat_map(ArgGroup::get_args).collect();
        // Some arguments, such as --help, leave nothing that could be asked for.
        let known =
            command.get_arguments().filter(|it| matches.try_contains_id(it.get_id().as_str()).is_ok());
        let given =
            known.filter(|it| matches.value_source(it.get_id().as_str()) == Some(ValueSource::CommandLine));
        let option = |it: &Arg| {
            let words = matches.get_raw(it.get_id().as_str()).into_iter().flatten();
            let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
            GivenOption {
                name: format!("--{}", it.get_long().unwrap_or(it.get_id().as_str())),
                value: words.join(","),
                // What every command takes is about this machine.
                is_global: it.is_global_set(),
                is_taken: it.is_global_set() || taken.contains(it.get_id()),
            }
        };
        Self(given.map(option).collect())
    }

    /// The first one that is about a search.
    pub fn of_search(&self) -> Option<&str> {
        self.0.iter().find(|it| !it.is_global).map(|it| it.name.as_str())
    }
}

/// Refuses what cannot be said of a run that goes on, with what the run has instead.
pub fn refuse(args: &RunArgs, config: &Config) -> Result<(), CliError> {
    for GivenOption { name: option, value: given, .. } in args.given.0.iter().filter(|it| !it.is_taken) {
        if ROWS.iter().any(|row| row.option == option && row.about.is_changeable()) {
            continue;
        }
        let recorded = recorded(option, config);
        if recorded.as_deref().is_some_and(|recorded| same(given, recorded)) {
            continue;
        }
        let given = if given == "true" { option.clone() } else { format!("{option} {given}") };
        return Err(CliError::input(match recorded {
            Some(recorded) => format!(
                "{given}: the run has {recorded} since it was begun, and that stays so; a new run can have another one"
            ),
            None => format!("{given} is for new runs: a run that goes on has what it was begun with"),
        }));
    }
    if let Some(asked) = args.change.iterations.filter(|asked| *asked < config.iterations) {
        let recorded = config.iterations;
        return Err(CliError::input(format!(
            "--iterations {asked}: the run has {recorded}, and can be made longer but not shorter"
        )));
    }
    Ok(())
}

/// Two ways to write a value down.
fn same(given: &str, recorded: &str) -> bool {
    let number = |text: &str| text.parse::<u64>().ok();
    given == recorded || (number(given).is_some() && number(given) == number(recorded))
}

/// What a run has under an option that is not to be said again, where that can be told.
fn recorded(option: &str, config: &Config) -> Option<String> {
    let thinking =
        |role: &str| config.providers.get(role).map(|it| if it.thinking { "on" } else { "off" }.to_owned());
    match option {
        "--mock" => Some(config.mock.to_string()),
        "--eval-size" => Some(config.eval_split_size.to_string()),
        "--run-id" => Some(config.run_id.clone()),
        "--seed" => Some(config.seed.to_string()),
        "--deny-leaks" => Some(config.deny_leaks.to_string()),
        "--trials" => Some(config.protocol.trials.to_string()),
        "--epochs" => Some(config.protocol.epochs.to_string()),
        "--batch-size" => config.protocol.batch_size.map(|size| size.to_string()),
        "--protocol" => Some(
            match config.protocol.learning {
                Learning::Offline => "offline",
                Learning::Online => "online",
            }
            .to_owned(),
        ),
        "--no-test" => Some((!config.with_test).to_string()),
        "--no-cache" => config.providers.get("target").map(|it| (!it.reply_cache).to_string()),
        "--target-thinking" => thinking("target"),
        "--proposer-thinking" => thinking("proposer"),
        _ => {
            let row = ROWS.iter().find(|row| row.option == option)?;
            Some((row.get)(&config.limits).div_ceil(row.unit).to_string())
        }
    }
}
