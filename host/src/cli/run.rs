//! `mmh run`: a whole search, begun here or gone on with.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use jiff::Timestamp;

use super::{
    CliResult, Global,
    connect::{self, Connected, Connector, MoneyArgs, ProposerArgs, TargetArgs},
    error::CliError,
    estimate,
    launch::{Models, Plan},
    limits::LimitArgs,
    resume,
    terminal::Terminal,
    workbench,
};
use crate::{
    build::Builder,
    clock::Clock,
    compile,
    dataset::{self, BUILTIN, Dataset},
    digest::Digest,
    model::remote::Role,
    progress::Observer,
    record::{
        format::{Config, CostFile, SCHEMA_VERSION, Summary, TaskInfo, ToolchainInfo, WitInfo},
        writer::{self, Beginning, RunWriter},
    },
    search::BASELINE,
    toolchain::{TARGET, sdk},
};

#[derive(Args)]
pub struct RunArgs {
    /// Go on with the run in this folder, where it stopped; what it was asked to do is in its config.json
    #[arg(long, value_name = "RUN", conflicts_with_all = FOR_NEW_RUNS)]
    resume: Option<PathBuf>,
    /// Use simulated models: offline, free, and deterministic by seed
    #[arg(long)]
    mock: bool,
    /// Iterations to propose, besides the baseline 000
    #[arg(long, default_value_t = 12, value_name = "N")]
    iterations: u32,
    /// The data set: built in, a folder with train, val and test .jsonl, or a .jsonl or .csv file
    /// [default: symptoms-mini, or the run's own]
    #[arg(long, value_name = "NAME|PATH")]
    pub dataset: Option<String>,
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
    /// Refuse harnesses that carry validation or test examples in their source or data
    #[arg(long)]
    deny_leaks: bool,
    /// Do not score the held-out test examples at the end
    #[arg(long)]
    no_test: bool,
    /// Estimate what the search may cost, and end without asking a model
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Freeze the clock at this time, so that two runs give the same bytes in every file
    #[arg(long, value_name = "RFC3339")]
    fixed_clock: Option<Timestamp>,
    #[command(flatten)]
    pub proposer: ProposerArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub money: MoneyArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What decides a run once and for all: not to be said again when it goes on.
const FOR_NEW_RUNS: [&str; 14] = [
    "mock",
    "iterations",
    "eval_size",
    "run_id",
    "runs_dir",
    "seed",
    "concurrency",
    "baseline",
    "deny_leaks",
    "no_test",
    "dry_run",
    "allow_unpriced",
    "no_cache",
    "LimitArgs",
];

impl RunArgs {
    pub fn clock(&self) -> Clock {
        self.fixed_clock.map_or(Clock::System, Clock::Fixed)
    }
}

pub async fn main(global: &Global, args: RunArgs) -> CliResult {
    match &args.resume {
        Some(run) => resume::main(global, &args, run).await,
        None => begin(global, &args).await,
    }
}

async fn begin(global: &Global, args: &RunArgs) -> CliResult {
    let terminal = Arc::new(Terminal::new(global, args.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let models = if args.dry_run { None } else { Some(models(global, args, &*observer)?) };
    let clock = args.clock();
    let run_id = args.run_id.clone().unwrap_or_else(|| default_run_id(clock));
    writer::check_run_id(&run_id)?;
    if args.eval_size == 0 {
        return Err(CliError::input("--eval-size 0: a search needs at least one validation example"));
    }
    let name = args.dataset.as_deref().unwrap_or(BUILTIN);
    let dataset = workbench::dataset(name, args.seed, &*observer)?;
    let limits = args.limits.resolve();
    let baseline = match &args.baseline {
        Some(path) => super::check::read_source(path, limits.source_bytes)?,
        None => BASELINE.to_owned(),
    };
    let builder = workbench::open(global, &limits, &*observer).await?;
    terminal.done();
    let Some(models) = models else {
        dry_run(global, args, &dataset, &baseline, &builder, &*observer).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let val = dataset::sample(&dataset.val, args.eval_size, args.seed);
    let summary = Summary::new(config(args, run_id, &models, clock, &dataset, val.len(), &builder));
    let cost = CostFile { mock: args.mock, budget_usd: summary.config.budget_usd, ..CostFile::default() };
    let beginning =
        Beginning { config: &summary.config, summary: &summary, cost: &cost, baseline: &baseline };
    let writer = RunWriter::create(&args.runs_dir, &beginning)?;
    let folder = args.runs_dir.join(&summary.config.run_id);
    let budget_usd = args.money.budget_usd();
    let plan = Plan { summary, writer, folder, baseline, dataset, val, models, budget_usd, clock };
    plan.run(builder, terminal, args.json).await
}

/// Both models of a new run, or why they cannot be asked.
fn models(global: &Global, args: &RunArgs, observer: &dyn Observer) -> Result<Models, CliError> {
    let connector = Connector { global, money: &args.money, mock: args.mock, seed: args.seed, observer };
    Models::connect(&connector, &args.proposer.choice(), &args.target.choice())
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
        dataset_path: args.dataset.clone().filter(|name| name != BUILTIN),
        eval_split_size,
        proposer_model: proposer.model.id().to_owned(),
        target_model: target.model.id().to_owned(),
        mock: args.mock,
        started_at: clock.now(),
        seed: args.seed,
        concurrency: args.concurrency.into(),
        with_test: !args.no_test,
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
            compiler: builder.compiler.tools().compiler.clone(),
            linker: builder.compiler.tools().linker.clone(),
        },
        sdk_digest: sdk::source_digest(),
        sdk_build_digest: builder.compiler.sdk().digest,
        wit: WitInfo {
            package: format!("mmh:harness@{}", compile::imports::VERSION),
            digest: Digest::of(sdk::WIT),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        deny_leaks: args.deny_leaks,
        confinement: builder.compiler.confinement(),
    }
}

fn default_run_id(clock: Clock) -> String {
    clock.now().strftime("%Y%m%d-%H%M%S").to_string()
}
