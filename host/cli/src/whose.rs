//! Whose a run is, and what its folder may therefore decide. This is the one place where that is judged.
//!
//! A run that the user started on this machine is the user's own: what they asked for then holds again. Any
//! other folder is a stranger's and decides nothing: not what is paid, and no limit above the defaults; not
//! where the data set is looked for, and not where a key is sent (`connect` asks for the server by name).

use crate::{
    error::CliError,
    global::Global,
    limits::{About, LimitArgs, ROWS},
    own_runs::OwnRuns,
};
use mmh_record::{format::Config, layout, limits::Limits, reader::RunReader, text, writer};
use mmh_search::dataset::BUILTIN;

/// What the budget, `--concurrency` and `--patience` are if nobody says.
pub const DEFAULT_BUDGET_USD: f64 = 15.0;
pub const DEFAULT_CONCURRENCY: u16 = 64;
pub const DEFAULT_PATIENCE: u32 = 3;

/// Who started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This user, on this machine; also what is not a run yet.
    Own,
    Stranger,
}

impl Whose {
    /// By the list of the user's own runs.
    pub fn of(global: &Global, reader: &RunReader) -> Result<Self, CliError> {
        Self::by(global, &reader.bytes(layout::CONFIG)?)
    }

    /// The same of a run that only its configuration is left of.
    pub fn of_config(global: &Global, config: &Config) -> Result<Self, CliError> {
        Self::by(global, &writer::config_bytes(config)?)
    }

    fn by(global: &Global, config: &[u8]) -> Result<Self, CliError> {
        Ok(if OwnRuns::open(global)?.has(config) { Self::Own } else { Self::Stranger })
    }
}

/// What the command line says on what a run's folder says too.
#[derive(Clone, Copy, Default)]
pub struct Asked<'a> {
    pub limits: Option<&'a LimitArgs>,
    pub budget_usd: Option<f64>,
    pub concurrency: Option<u16>,
    pub patience: Option<u32>,
    pub dataset: Option<&'a str>,
}

/// What holds for a run that goes on.
#[derive(Debug, PartialEq)]
pub struct Settings {
    pub limits: Limits,
    pub budget_usd: f64,
    pub concurrency: usize,
    pub patience: u32,
    /// The name or the place of the data set.
    pub dataset: String,
}

/// What the limits of a run are wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// To compile and run its harnesses.
    Evaluation,
    /// To make its search again as well.
    Search,
    /// To go on with it.
    GoingOn,
}

impl For {
    /// Whether a limit decides what comes out. Others are cut to their defaults.
    fn decides(self, about: About) -> bool {
        match self {
            Self::Evaluation => about.is_of_evaluation(),
            Self::Search => about != About::Models,
            Self::GoingOn => !about.is_changeable(),
        }
    }
}

/// The limits with which a run's harnesses are compiled and run again, or its search is made again.
pub fn limits(whose: Whose, config: &Config, asked: &LimitArgs, what_for: For) -> Result<Limits, CliError> {
    match whose {
        Whose::Own => Ok(config.limits.clone()),
        Whose::Stranger => strangers_limits(&config.limits, asked, what_for),
    }
}

/// What holds for a run that goes on: what is asked for, else what is on record, as far as that may decide.
pub fn settings(whose: Whose, config: &Config, asked: &Asked<'_>) -> Result<Settings, CliError> {
    let none = LimitArgs::default();
    let given = asked.limits.unwrap_or(&none);
    let mut limits = match whose {
        Whose::Own => config.limits.clone(),
        Whose::Stranger => strangers_limits(&config.limits, given, For::GoingOn)?,
    };
    for row in ROWS.iter().filter(|row| row.about.is_changeable()) {
        if let Some(limit) = row.asked(given) {
            row.put(&mut limits, limit);
        }
    }
    let recorded = recorded(whose, config);
    Ok(Settings {
        limits,
        budget_usd: asked.budget_usd.unwrap_or(recorded.budget_usd),
        concurrency: asked.concurrency.map_or(recorded.concurrency, usize::from),
        patience: asked.patience.unwrap_or(recorded.patience),
        dataset: match asked.dataset {
            Some(named) => named.to_owned(),
            None => dataset(whose, config)?,
        },
    })
}

/// What counts of the record where nothing is asked for. The limits and the data set are not among it.
fn recorded(whose: Whose, config: &Config) -> Settings {
    let budget_usd = config.budget_usd.unwrap_or(DEFAULT_BUDGET_USD);
    let (limits, dataset) = (Limits::default(), String::new());
    match whose {
        Whose::Own => Settings {
            limits,
            budget_usd,
            concurrency: config.concurrency,
            patience: config.patience,
            dataset,
        },
        Whose::Stranger => Settings {
            limits,
            // A budget that is no number is none.
            budget_usd: budget_usd.clamp(0.0, DEFAULT_BUDGET_USD).max(0.0),
            concurrency: config.concurrency.clamp(1, DEFAULT_CONCURRENCY.into()),
            // 0 would be no limit.
            patience: if config.patience == 0 {
                DEFAULT_PATIENCE
            } else {
                config.patience.min(DEFAULT_PATIENCE)
            },
            dataset,
        },
    }
}

/// Where a run's data set is looked for: where an own run had it. A stranger's folder names no place.
pub fn dataset(whose: Whose, config: &Config) -> Result<String, CliError> {
    match (&config.dataset_path, whose) {
        (None, _) => Ok(BUILTIN.to_owned()),
        (Some(path), Whose::Own) => Ok(path.clone()),
        (Some(path), Whose::Stranger) => Err(CliError::input(format!(
            "the run was not started here, so its data set is not looked for where the run says, at {}: --dataset names its place",
            text::name(path)
        ))),
    }
}

/// No limit above the defaults, unless the command line allows it. A lower limit would give other results,
/// so a run that had more is refused and not cut.
fn strangers_limits(recorded: &Limits, asked: &LimitArgs, what_for: For) -> Result<Limits, CliError> {
    // A target on a machine of one's own may take longer by default.
    let defaults = [Limits::default(), Limits::of_local_target()];
    let (mut limits, mut above, mut options) = (recorded.clone(), Vec::new(), Vec::new());
    for row in ROWS {
        let default = defaults.iter().map(row.get).max().unwrap_or_default();
        let (recorded, least) = ((row.get)(recorded), (row.get)(&defaults[0]));
        if !what_for.decides(row.about) {
            row.put(&mut limits, recorded.min(least));
        } else if recorded > row.asked(asked).unwrap_or_default().max(default) {
            let beyond = if row.is_beyond(recorded) { ", more than any option gives" } else { "" };
            above.push(format!("{} (default {}{beyond})", row.written(recorded), default / row.unit));
            options.extend((!row.is_beyond(recorded)).then(|| row.written(recorded)));
        }
    }
    if above.is_empty() {
        return Ok(limits);
    }
    let advice = match options.is_empty() {
        true => String::new(),
        false => format!("; if you allow that, say so: {}", options.join(" ")),
    };
    let above = above.join(", ");
    Err(CliError::input(format!(
        "the run was not started here, and its limits are above the defaults: {above}{advice}"
    )))
}

#[cfg(test)]
mod tests;
