//! `mmh run`: a whole search.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use jiff::Timestamp;

use super::{
    CliResult, Global,
    connect::{self, Connected, Connector, MoneyArgs, ProposerArgs, Shared, TargetArgs},
    error::{CliError, INTERRUPTED},
    estimate,
    limits::LimitArgs,
    scoreboard,
    terminal::Terminal,
    workbench,
};
use crate::{
    build::Builder,
    cancel::{Cancel, Stop},
    clock::Clock,
    compile,
    dataset::{self, BUILTIN, Dataset},
    digest::Digest,
    evaluate::{Evaluator, replies::Replies},
    model::remote::Role,
    progress::Observer,
    propose::Proposer,
    record::{
        format::{Config, SCHEMA_VERSION, TaskInfo, ToolchainInfo, WitInfo},
        writer::{self, RunWriter},
    },
    search::{BASELINE, Search, SearchError},
    toolchain::{TARGET, sdk},
};

#[derive(Args)]
pub struct RunArgs {
    /// Use simulated models: offline, free, and deterministic by seed
    #[arg(long)]
    mock: bool,
    /// Iterations to propose, besides the baseline 000
    #[arg(long, default_value_t = 12, value_name = "N")]
    iterations: u32,
    /// The data set: built in, a folder with train, val and test .jsonl, or a .jsonl or .csv file
    #[arg(long, default_value = BUILTIN, value_name = "NAME|PATH")]
    dataset: String,
    /// Validation examples to score on; all if there are fewer
    #[arg(long, default_value_t = 100, value_name = "N")]
    eval_size: usize,
    /// The run's name and folder [default: the time it starts]
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// Where runs go
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs_dir: PathBuf,
    /// Decides everything that chance decides
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Examples evaluated, and calls of the target model made, at once
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    /// The harness to start from [default: zero-shot]
    #[arg(long, value_name = "HARNESS.rs")]
    baseline: Option<PathBuf>,
    /// Do not score the held-out test examples at the end
    #[arg(long)]
    no_test: bool,
    /// Estimate what the search may cost, and end without asking a model
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Freeze the clock at this time, so that two runs give the same bytes in every file
    #[arg(long, value_name = "RFC3339")]
    fixed_clock: Option<Timestamp>,
    #[command(flatten)]
    proposer: ProposerArgs,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    money: MoneyArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The two models of a run.
struct Models {
    proposer: Connected,
    target: Connected,
    replies: Option<Replies>,
}

pub async fn main(global: &Global, args: RunArgs) -> CliResult {
    let observer: Arc<dyn Observer> = Arc::new(Terminal::new(global, args.mock));
    let models = if args.dry_run { None } else { Some(models(global, &args, &*observer)?) };
    let clock = args.fixed_clock.map_or(Clock::System, Clock::Fixed);
    let run_id = args.run_id.clone().unwrap_or_else(|| default_run_id(clock));
    writer::check_run_id(&run_id)?;
    if args.eval_size == 0 {
        return Err(CliError::input("--eval-size 0: a search needs at least one validation example"));
    }
    let dataset = workbench::dataset(&args.dataset, args.seed, &*observer)?;
    let limits = args.limits.resolve();
    let baseline = match &args.baseline {
        Some(path) => super::check::read_source(path, limits.source_bytes)?,
        None => BASELINE.to_owned(),
    };
    let builder = workbench::open(global, &limits, &*observer).await?;
    let Some(models) = models else {
        dry_run(global, &args, &dataset, &baseline, &builder, &*observer).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let cancel = stop_on_ctrl_c(observer.clone());
    let search =
        assemble(&args, run_id, models, clock, dataset, baseline, builder, observer, cancel.clone())?;
    let folder = args.runs_dir.join(&search.config.run_id);
    let summary = search.run().await.map_err(|error| match error {
        SearchError::Compile(error) => CliError::from(error),
        SearchError::Record(error) => CliError::from(error),
    })?;
    if args.json {
        scoreboard::print_json(&summary)?;
    } else {
        scoreboard::print(&summary);
        println!("\nrun folder: {}", folder.display());
    }
    Ok(match cancel.why() {
        Some(stop) => CliError::stopped(&stop, &format!("what was finished is in {}", folder.display())),
        None => ExitCode::SUCCESS,
    })
}

/// Both models of a run, or why they cannot be asked.
fn models(global: &Global, args: &RunArgs, observer: &dyn Observer) -> Result<Models, CliError> {
    let connector = Connector { global, money: &args.money, mock: args.mock, seed: args.seed, observer };
    let (proposer, target) = (connector.proposer(&args.proposer)?, connector.target(&args.target)?);
    let replies = connect::replies(global, &args.money, &target)?;
    Ok(Models { proposer, target, replies })
}

async fn dry_run(
    global: &Global,
    args: &RunArgs,
    dataset: &Dataset,
    baseline: &str,
    builder: &Builder,
    observer: &dyn Observer,
) -> Result<(), CliError> {
    if args.mock {
        return Err(CliError::input("--mock costs nothing; --dry-run estimates what real models cost"));
    }
    let connector = Connector { global, money: &args.money, mock: false, seed: args.seed, observer };
    let (proposer, target) =
        (connector.priced(&args.proposer.choice())?, connector.priced(&args.target.choice())?);
    let val = dataset::sample(&dataset.val, args.eval_size, args.seed);
    let plan = estimate::Plan {
        iterations: args.iterations,
        seed: args.seed,
        dataset,
        val: &val,
        with_test: !args.no_test,
        baseline,
        builder,
        proposer: (&proposer.0, &proposer.1),
        target: (&target.0, &target.1),
        budget_usd: args.money.budget_usd(),
    };
    estimate::print(&plan).await
}

#[allow(clippy::too_many_arguments)] // every one of them is a resolved input of the search
fn assemble(
    args: &RunArgs,
    run_id: String,
    models: Models,
    clock: Clock,
    dataset: Dataset,
    baseline: String,
    builder: Builder,
    observer: Arc<dyn Observer>,
    cancel: Cancel,
) -> Result<Search, CliError> {
    let limits = builder.sandbox.limits().clone();
    let val = dataset::sample(&dataset.val, args.eval_size, args.seed);
    let config = config(args, run_id, &models, clock, &dataset, val.len(), &builder);
    let writer = RunWriter::create(&args.runs_dir, &config)?;
    let budget = args.money.budget();
    let shared = Shared { limits: &limits, budget: budget.clone(), clock, cancel: cancel.clone() };
    let target = shared.target(models.target, args.concurrency, models.replies);
    let caller = shared.proposer(models.proposer);
    let evaluator = Evaluator {
        sandbox: builder.sandbox.clone(),
        target: Arc::new(target),
        task: Arc::new(dataset.task.clone()),
        seed: args.seed,
        concurrency: args.concurrency.into(),
        clock,
        observer: observer.clone(),
        cancel: cancel.clone(),
    };
    let proposer = Proposer { caller, limits, clock, observer: observer.clone(), cancel: cancel.clone() };
    let with_test = !args.no_test;
    Ok(Search {
        config,
        dataset,
        val,
        baseline,
        builder,
        evaluator,
        proposer,
        budget,
        with_test,
        writer,
        clock,
        observer,
        cancel,
    })
}

fn config(
    args: &RunArgs,
    run_id: String,
    models: &Models,
    clock: Clock,
    dataset: &Dataset,
    eval_split_size: usize,
    builder: &Builder,
) -> Config {
    let Models { proposer, target, .. } = models;
    let priced = |model: &Connected| (model.model.id().to_owned(), model.price.clone());
    let prices = BTreeMap::from([priced(proposer), priced(target)]);
    Config {
        schema_version: SCHEMA_VERSION,
        run_id,
        iterations: args.iterations,
        dataset: dataset.task.name.clone(),
        eval_split_size,
        proposer_model: proposer.model.id().to_owned(),
        target_model: target.model.id().to_owned(),
        mock: args.mock,
        started_at: clock.now(),
        seed: args.seed,
        concurrency: args.concurrency.into(),
        limits: builder.sandbox.limits().clone(),
        prices,
        budget_usd: (!args.mock).then(|| args.money.budget_usd()),
        providers: connect::providers([(Role::Proposer, proposer), (Role::Target, target)]),
        task: TaskInfo::of(dataset),
        dataset_digest: dataset.digest,
        toolchain: ToolchainInfo {
            rustc: builder.compiler.toolchain().version.clone(),
            target: TARGET.to_owned(),
            flags: compile::FLAGS.iter().map(|flag| (*flag).to_owned()).collect(),
        },
        sdk_digest: sdk::source_digest(),
        sdk_build_digest: builder.compiler.sdk().digest,
        wit: WitInfo {
            package: format!("mmh:harness@{}", compile::imports::VERSION),
            digest: Digest::of(sdk::WIT),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        confinement: builder.compiler.confinement(),
    }
}

fn default_run_id(clock: Clock) -> String {
    clock.now().strftime("%Y%m%d-%H%M%S").to_string()
}

/// The first Ctrl-C lets what is under way finish; the second one ends the program.
pub fn stop_on_ctrl_c(observer: Arc<dyn Observer>) -> Cancel {
    let cancel = Cancel::default();
    let stop = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.stop(Stop::Asked);
            observer.note(
                "stopping: what is under way is finished and recorded; Ctrl-C again stops at once".into(),
            );
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
    cancel
}
