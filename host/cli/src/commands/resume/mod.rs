//! `mmh run --resume`: goes on with a run where it stopped, however it stopped, or makes it longer.
//!
//! What the run is, its folder says, as far as [`whose`](crate::whose) lets it decide; the command line gives
//! what is not in it, such as keys, and what may change. A change is recorded in `config.json`.

mod given;

use std::{path::Path, process::ExitCode, sync::Arc};

pub use given::Given;

use crate::commands::run::RunArgs;
use crate::{
    error::{CliError, CliResult},
    global::Global,
    model_args::Connector,
    own_runs::OwnRuns,
    scoreboard::{Format, Scoreboard},
    session::{self, Front, Proposing},
    terminal::Terminal,
    whose::{self, Asked, Settings, Whose},
    workbench,
};
use mmh_engine::build::Builder;
use mmh_models::cancel::Stop;
use mmh_record::{
    format::{Config, ProposerCommand, ProposerKind, SCHEMA_VERSION, Summary},
    manifest,
    reader::RunReader,
    text,
    writer::{self, RunWriter},
};
use mmh_search::session::{Models, Plan, ReadyProposer, Start};
use mmh_search::{
    dataset::{self, Dataset, Source},
    progress::Observer,
    search::goes_on_at,
    verify::other_tools,
};

pub async fn main(global: &Global, args: &RunArgs, run: &Path, mut front: Front) -> CliResult {
    front.telemetry = args.each.telemetry()?;
    let writer = RunWriter::resume(run)?;
    let reader = RunReader::new(writer.dir()?);
    let (mut summary, config) = (reader.summary()?, reader.config()?);
    same_run(run, &config, &summary)?;
    given::refuse(args, &config)?;
    same_client(&config, front.client.as_ref())?;
    let terminal = Arc::new(Terminal::new(global, config.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let sealed = reader.has(manifest::NAME);
    let iterations = args.change.iterations.unwrap_or(config.iterations);
    if summary.finished_at.is_some() && sealed && iterations == config.iterations {
        observer.note(
            "the run is finished: there is nothing to go on with; --iterations N makes it longer".into(),
        );
        if front.shows_scores {
            Scoreboard::read(&reader)?.print(Format::json_or_text(args.again.json))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let whose = Whose::of(global, &reader)?;
    if whose == Whose::Stranger {
        observer.note("the run was not started here: its price, its budget, its limits above the defaults and its places count for nothing".into());
    }
    let settings = whose::settings(whose, &config, &asked(args))?;
    let (models, command) = models(global, args, (whose, front.client.take()), (&config, run), &observer)?;
    let mut dataset = dataset(args, &settings.dataset, &config, &*observer)?;
    let val = dataset::sample(&dataset.val, config.eval_split_size, config.seed);
    let builder =
        workbench::open(global, config.harness_language, &settings.limits, &args.limits.machine, &*observer)
            .await?;
    let builder = args.fleet.join(builder, &terminal).await?;
    same_tools(&config, &builder)?;
    workbench::scorer(&builder, &mut dataset).await?;
    let baseline = |index| reader.baseline(&config, index);
    let baselines = (0..config.protocol.baselines).map(baseline).collect::<Result<_, _>>()?;
    let budget_usd = settings.budget_usd;
    let wanted = Config { iterations, proposer_command: command, ..with(&config, settings, &models) };
    let at = args.clock().now();
    if wanted != config || (sealed && ended_early(&summary)) {
        let config = config.resumed(wanted, at, goes_on_at(&summary));
        change(global, whose, &writer, &config)?;
        summary.config = config;
    }
    let done = summary.iterations.len() + summary.unscored.len();
    observer.note(format!(
        "going on with {}: {done} of {} iterations are there",
        text::name(&config.run_id),
        summary.config.all_candidates()
    ));
    let clock = args.clock();
    let start = Start { summary, writer, baselines, dataset, val };
    let plan = Plan { start, models, budget_usd, clock };
    session::run(plan, run.to_owned(), builder, terminal, (&front, args.again.json)).await
}

/// Refuses a run of another version, and a summary that is of another run. A process that was killed may
/// have changed one of them before the other.
fn same_run(run: &Path, config: &Config, summary: &Summary) -> Result<(), CliError> {
    let at_first = config.at_first();
    if config.schema_version == SCHEMA_VERSION && at_first.is_some() && at_first == summary.config.at_first()
    {
        return Ok(());
    }
    Err(CliError::input(format!(
        "{}: config.json is of schema version {}, or summary.json does not repeat it: this mmh goes on with runs of version {SCHEMA_VERSION}",
        text::path(run),
        config.schema_version
    )))
}

/// Refuses a client as the proposer of a run that has another one.
fn same_client(config: &Config, client: Option<&ReadyProposer>) -> Result<(), CliError> {
    let Some(client) = client else { return Ok(()) };
    let recorded = text::name(&config.proposer_model);
    if config.proposer_command.is_some() {
        return Err(CliError::input(format!(
            "the run's proposer is the command {recorded}: `mmh run --resume` goes on with it"
        )));
    }
    match config.proposer_kind {
        ProposerKind::Conversation => Err(CliError::input(format!(
            "the run's proposer is the model {recorded}: `mmh run --resume` goes on with it"
        ))),
        ProposerKind::Tools if client.name() != config.proposer_model => Err(CliError::input(format!(
            "the run's proposer is called {recorded} since it was begun, and not {}: that stays so",
            text::name(client.name())
        ))),
        ProposerKind::Tools => Ok(()),
    }
}

/// What is asked for on the command line.
fn asked(args: &RunArgs) -> Asked<'_> {
    Asked {
        limits: Some(&args.limits),
        budget_usd: args.money.asked_usd(),
        concurrency: args.change.concurrency,
        patience: args.change.patience,
        dataset: args.each.dataset.as_deref(),
    }
}

/// The run's models, asked as before. A command that proposes is named again: no folder decides which programs run.
fn models(
    global: &Global,
    args: &RunArgs,
    (whose, client): (Whose, Option<ReadyProposer>),
    (config, run): (&Config, &Path),
    observer: &Arc<dyn Observer>,
) -> Result<(Models, Option<ProposerCommand>), CliError> {
    let (money, mock, seed) = (&args.money, config.mock, config.seed);
    let connector = Connector { global, whose, money, mock, seed, observer };
    connector.tell_of_budgets(None);
    let model = args.proposer.choice().of_run(config);
    let is_of_client = config.proposer_kind == ProposerKind::Tools && config.proposer_command.is_none();
    let (proposing, command) = match client {
        Some(client) => (Proposing::Outside(client), None),
        None if is_of_client => {
            (Proposing::Outside(ReadyProposer::Absent(config.proposer_model.clone())), None)
        }
        None => args.proposing(&connector, model, run)?,
    };
    let models = session::models(&connector, proposing, &args.target.choice().of_run(config))?;
    let named = text::name(&config.proposer_model);
    let same =
        (models.proposer.kind(), models.proposer.name()) == (config.proposer_kind, &config.proposer_model);
    match (config.proposer_kind, same) {
        (ProposerKind::Conversation, _) if command.is_none() => Ok((models, None)),
        (ProposerKind::Tools, true) => Ok((models, command)),
        (ProposerKind::Tools, false) => Err(CliError::input(format!(
            "the run's proposer is the command {named}: name it again with --proposer-command, and with --proposer-env, --proposer-read and --proposer-network what it needs"
        ))),
        (ProposerKind::Conversation, _) => Err(CliError::input(format!(
            "--proposer-command: the run's proposer is the model {named} since it was begun, and that stays so"
        ))),
    }
}

/// The run's data set, which may have moved but must be the same.
fn dataset(
    args: &RunArgs,
    name: &str,
    config: &Config,
    observer: &dyn Observer,
) -> Result<Dataset, CliError> {
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

/// The run's configuration with what holds from now on.
fn with(config: &Config, settings: Settings, models: &Models) -> Config {
    let Settings { limits, budget_usd, concurrency, patience, .. } = settings;
    let budget_usd = config.budget_usd.map(|_| budget_usd);
    let mut changed = Config { limits, budget_usd, concurrency, patience, ..config.clone() };
    // Of a stranger's run the recorded price does not count.
    for (_, model) in models.by_role() {
        if let Some(price) = changed.prices.get_mut(model.model.id()) {
            *price = model.price.clone();
        }
    }
    for (role, model) in models.by_role() {
        if let Some(info) = changed.providers.get_mut(role.name()) {
            info.price = model.price.clone();
        }
    }
    changed
}

/// Whether the search has ended before its last iteration, though nothing had failed: who goes on with it
/// wants it to go on, and that is recorded.
fn ended_early(summary: &Summary) -> bool {
    summary.stopped.as_ref().is_some_and(|it| Stop::is_derived(&it.status))
}

/// Writes down what is changed. The user's own run stays their own.
fn change(global: &Global, whose: Whose, writer: &RunWriter, config: &Config) -> Result<(), CliError> {
    if whose == Whose::Own {
        OwnRuns::open(global)?.enter(&writer::config_bytes(config)?)?;
    }
    writer.unseal()?;
    Ok(writer.config(config)?)
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
