//! `mmh run --resume`: goes on with a run where it stopped, however it stopped.
//!
//! What the run is, its folder says; the command line gives what is not in it, such as keys. Nothing of the
//! folder decides where a key goes.

use std::{path::Path, process::ExitCode, sync::Arc};

use super::{
    CliResult, Global,
    connect::Connector,
    error::CliError,
    launch::{Models, Plan},
    run::RunArgs,
    scoreboard::{Format, Scoreboard},
    terminal::Terminal,
    workbench,
};
use crate::{
    build::Builder,
    dataset::{self, BUILTIN, Dataset, Source},
    progress::Observer,
    record::{
        format::{Config, SCHEMA_VERSION},
        manifest,
        reader::RunReader,
        writer::RunWriter,
    },
    verify::other_tools,
};

pub async fn main(global: &Global, args: &RunArgs, run: &Path) -> CliResult {
    let writer = RunWriter::resume(run)?;
    let reader = RunReader::new(writer.dir()?);
    let summary = reader.summary()?;
    let config = reader.config()?;
    if config.schema_version != SCHEMA_VERSION || config != summary.config {
        let version = config.schema_version;
        return Err(CliError::input(format!(
            "{}: config.json is of schema version {version}, or summary.json does not repeat it: this mmh goes on with runs of version {SCHEMA_VERSION}",
            run.display()
        )));
    }
    let terminal = Arc::new(Terminal::new(global, config.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    if summary.finished_at.is_some() && reader.has(manifest::NAME) {
        observer.note("the run is finished: there is nothing to go on with".into());
        Scoreboard::read(&reader)?.print(Format::json_or_text(args.json))?;
        return Ok(ExitCode::SUCCESS);
    }
    let models = models(global, args, &config, &observer)?;
    let dataset = dataset(args, &config, &*observer)?;
    let val = dataset::sample(&dataset.val, config.eval_split_size, config.seed);
    let builder = workbench::open(global, &config.limits.clone().within_reason(), &*observer).await?;
    same_tools(&config, &builder)?;
    let baseline = reader.text(&RunReader::iteration_file(0, "harness.rs"))?;
    let budget_usd = args.money.asked_usd().or(reader.cost()?.budget_usd).unwrap_or_default();
    let done = summary.iterations.len() + summary.unscored.len();
    observer.note(format!(
        "going on with {}: {done} of {} iterations are there",
        config.run_id,
        config.iterations + 1
    ));
    let (folder, clock) = (run.to_owned(), args.clock());
    let plan = Plan { summary, writer, folder, baseline, dataset, val, models, budget_usd, clock };
    plan.run(builder, terminal, args.json).await
}

/// The run's models, asked as before.
fn models(
    global: &Global,
    args: &RunArgs,
    config: &Config,
    observer: &Arc<dyn Observer>,
) -> Result<Models, CliError> {
    let connector = Connector { global, money: &args.money, mock: config.mock, seed: config.seed, observer };
    Models::connect(&connector, &args.proposer.choice().of_run(config), &args.target.choice().of_run(config))
}

/// The run's data set, which may have moved but must be the same.
fn dataset(args: &RunArgs, config: &Config, observer: &dyn Observer) -> Result<Dataset, CliError> {
    let name = args.dataset.as_deref().or(config.dataset_path.as_deref()).unwrap_or(BUILTIN);
    let named = args.columns.resolve();
    let columns = if named.is_empty() { &config.dataset_columns } else { &named };
    let dataset = workbench::dataset(Source { name, columns }, config.seed, observer)?;
    let dataset = workbench::of_run(name, dataset, config)?;
    // Those of a data set without a task.json are this program's.
    if dataset.task.instructions != config.task.instructions {
        let (run, here) = (&config.task.instructions, &dataset.task.instructions);
        return Err(CliError::input(format!("the run has the instructions {run:?}, here they are {here:?}")));
    }
    Ok(dataset)
}

/// Half of a run by one compiler and half by another would be no run.
fn same_tools(config: &Config, builder: &Builder) -> Result<(), CliError> {
    if builder.compiler.confinement() != config.confinement {
        return Err(CliError::input(
            "the run was begun with another confinement of candidates than there is now; --allow-unconfined is for kernels without Landlock",
        ));
    }
    match other_tools(config, &builder.compiler).into_iter().next() {
        None => Ok(()),
        Some(tool) => Err(CliError::input(format!(
            "the run cannot go on here, because {} differs: it has {:?}, here is {:?}; --rustc names another compiler",
            tool.file, tool.expected, tool.found
        ))),
    }
}
