//! Which options were given, and which of them a run that goes on does not take: everything that could change
//! a result, and every option that is not named here.

use std::collections::BTreeMap;

use clap::{ArgMatches, parser::ValueSource};

use crate::commands::run::RunArgs;
use crate::{error::CliError, limits::ROWS};
use mmh_record::format::Config;

/// Said anew each time, since it is not in the run's folder, or changes only how the run is shown.
const SAID_ANEW: &[&str] = &[
    "resume",
    "dataset",
    "text_column",
    "label_column",
    "json",
    "fixed_clock",
    "target_model",
    "target_base_url",
    "target_api",
    "target_key_env",
    "target_price",
    "proposer_model",
    "proposer_base_url",
    "proposer_api",
    "proposer_key_env",
    "proposer_price",
    "allow_unpriced",
    "rustc",
    "cache_dir",
    "config",
    "env_file",
    "allow_unconfined",
    "verbose",
];

/// What may be changed, besides the limits that may.
const CHANGEABLE: &[&str] = &["iterations", "budget_usd", "concurrency", "patience"];

/// The options that were given on the command line, each with its value as it stands there.
#[derive(Clone, Debug, Default)]
pub struct Given(BTreeMap<String, String>);

impl Given {
    /// By what the parser found for a command.
    pub fn of(command: &clap::Command, matches: &ArgMatches) -> Self {
        let ids = command.get_arguments().map(|argument| argument.get_id().as_str());
        // Some arguments, such as --help, leave nothing that could be asked for.
        let known = ids.filter(|id| matches.try_contains_id(id).is_ok());
        let given = known.filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        let value = |id: &str| {
            let words = matches.get_raw(id).into_iter().flatten();
            words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        };
        Self(given.map(|id| (id.to_owned(), value(id))).collect())
    }

    pub fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

/// Refuses what cannot be said of a run that goes on, with what the run has instead.
pub fn refuse(args: &RunArgs, config: &Config) -> Result<(), CliError> {
    for (id, given) in &args.given.0 {
        let option = format!("--{}", id.replace('_', "-"));
        if SAID_ANEW.contains(&id.as_str()) || CHANGEABLE.contains(&id.as_str()) {
            continue;
        }
        if ROWS.iter().any(|row| row.option == option && row.about.is_changeable()) {
            continue;
        }
        let recorded = recorded(&option, config);
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
    if args.given.has("iterations") && args.iterations < config.iterations {
        let recorded = config.iterations;
        return Err(CliError::input(format!(
            "--iterations {}: the run has {recorded}, and can be made longer but not shorter",
            args.iterations
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
