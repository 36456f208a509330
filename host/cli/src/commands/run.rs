//! `mmh run`: a whole search, begun here or gone on with.

mod starts;

use std::{
    collections::BTreeMap,
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use jiff::Timestamp;

use crate::commands::resume::{self, Given};
use crate::{
    agent_args::{AgentArgs, Secret},
    concurrency, environment,
    error::{CliError, CliResult},
    estimate,
    fleet_args::FleetArgs,
    global::Global,
    limits::LimitArgs,
    model_args::{Choice, Connector, MoneyArgs, ProposerArgs, TargetArgs},
    output_file::refuse_runs,
    own_runs::OwnRuns,
    protocol_args::ProtocolArgs,
    session::{self, Front, Proposing},
    telemetry,
    terminal::Terminal,
    whose::{DEFAULT_PATIENCE, Whose},
    workbench::{self, ColumnArgs},
};
use mmh_engine::{build::Builder, sandbox::PACKAGE, toolchain::sdk};
use mmh_exports::otlp::Ready;
use mmh_record::{
    baseline::Baseline,
    clock::Clock,
    digest::Digest,
    format::{Config, CostFile, ProposerCommand, SCHEMA_VERSION, Summary, WitInfo},
    language::HarnessLanguage,
    writer::{self, Beginning, RunWriter},
};
use mmh_search::session::{Models, Plan, ReadyModel, ReadyProposer, Start};
use mmh_search::{
    dataset::{self, BUILTIN, Dataset, Source},
    evaluate,
    progress::Observer,
};

/// Each group of options holds at its own time: see [`resume::given`].
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub new: NewRunArgs,
    #[command(flatten)]
    pub place: PlaceArgs,
    #[command(flatten)]
    pub change: ChangeableArgs,
    #[command(flatten)]
    pub again: AgainArgs,
    #[command(flatten)]
    pub each: EachTimeArgs,
    #[command(flatten)]
    pub columns: ColumnArgs,
    #[command(flatten)]
    pub protocol: ProtocolArgs,
    #[command(flatten)]
    pub proposer: ProposerArgs,
    #[command(flatten)]
    pub agent: AgentArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub money: MoneyArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Which of all these were given.
    #[arg(skip)]
    pub given: Given,
}

/// Where a new run goes.
#[derive(Args, Default)]
pub struct PlaceArgs {
    /// The run's name and folder [default: the time it starts]
    #[arg(long, value_name = "ID")]
    pub run_id: Option<String>,
    /// Where runs go
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub runs_dir: PathBuf,
    /// Estimate what the search may cost, and end without asking a model
    #[arg(long)]
    pub dry_run: bool,
}

/// Which run is gone on with, and how results are printed.
#[derive(Args, Default)]
pub struct AgainArgs {
    /// Go on with the run in this folder, where it stopped or with more --iterations; what it was asked to do
    /// is in its config.json. Only what changes no result can be changed: --budget-usd, --concurrency,
    /// --patience, --attempts, and the time-outs
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Print the summary, or the estimate, as JSON
    #[arg(long)]
    pub json: bool,
}

/// What a run is begun with, and keeps.
#[derive(Args)]
pub struct NewRunArgs {
    /// Use simulated models: offline, free, and deterministic by seed
    #[arg(long)]
    mock: bool,
    /// Validation examples to score on; all if there are fewer
    #[arg(long, default_value_t = 100, value_name = "N")]
    eval_size: usize,
    /// Decides everything that chance decides
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// The harness to start from: zero-shot, few-shot-all, few-shot-random, nearest, a source file, a project's folder, or
    /// a component; given several times, the search starts from all of them [default: zero-shot]
    #[arg(long, value_name = "NAME|HARNESS")]
    baseline: Vec<PathBuf>,
    /// The language of the harnesses: rust, or python, which `mmh toolchain add python` sets up once
    #[arg(long, value_name = "LANGUAGE", default_value = "rust", value_parser = language)]
    pub harness_language: HarnessLanguage,
    /// Refuse harnesses that carry validation or test examples in their source or data
    #[arg(long)]
    deny_leaks: bool,
    /// Do not score the held-out test examples at the end
    #[arg(long)]
    no_test: bool,
}

/// The language of this name.
fn language(name: &str) -> Result<HarnessLanguage, String> {
    let names = HarnessLanguage::ALL.map(HarnessLanguage::name).join(" or ");
    HarnessLanguage::named(name).ok_or_else(|| format!("a search writes its harnesses in {names}"))
}

/// What a run may have otherwise from now on, because it changes no result.
#[derive(Args)]
pub struct ChangeableArgs {
    #[arg(long, value_name = "N", help = or_own("Iterations to propose, besides the baseline 000", DEFAULT_ITERATIONS))]
    pub iterations: Option<u32>,
    #[arg(long, value_name = "N", help = or_own("End the search after so many proposals in a row without a candidate; 0: never", DEFAULT_PATIENCE))]
    pub patience: Option<u32>,
    #[arg(long, value_name = "N", help = concurrency::help(", or the run's own"), value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: Option<u16>,
}

/// What is said each time: a run's folder does not have it, or it changes only how the run is shown.
#[derive(Args)]
pub struct EachTimeArgs {
    /// The data set: built in, a folder with files train, val and test, or one file; .jsonl, .json, .csv, .tsv or .gz
    /// [default: symptoms-mini, or the run's own]
    #[arg(long, value_name = "NAME|PATH")]
    pub dataset: Option<String>,
    /// Freeze the clock at this time, so that two runs give the same bytes in every file
    #[arg(long, value_name = "RFC3339")]
    fixed_clock: Option<Timestamp>,
    /// Send the run to this OpenTelemetry endpoint while it is made: traces and metrics, by OTLP over HTTP
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    pub otlp_endpoint: Option<String>,
    /// Send prompts, replies, inputs and answers too
    #[arg(long, requires = "otlp_endpoint")]
    pub otlp_texts: bool,
}

impl EachTimeArgs {
    /// The OpenTelemetry endpoint that the run is sent to, if there is one.
    pub fn telemetry(&self) -> Result<Option<Ready>, CliError> {
        telemetry::ready(self.otlp_endpoint.as_deref(), self.otlp_texts)
    }
}

/// Iterations of a new run that names none.
const DEFAULT_ITERATIONS: u32 = 12;

/// The help of an option that a run which goes on need not repeat.
fn or_own(what: &str, default: impl Display) -> String {
    format!("{what} [default: {default}, or the run's own]")
}

impl RunArgs {
    /// Who proposes: the command, if there is one, else this model. `runs` is where the run lies.
    pub fn proposing<'a>(
        &self,
        connector: &Connector<'_>,
        model: Choice<'a>,
        runs: &Path,
    ) -> Result<(Proposing<'a>, Option<ProposerCommand>), CliError> {
        if !self.agent.is_given() {
            return Ok((Proposing::Model(model), None));
        }
        let global = connector.global;
        let named =
            [self.each.dataset.as_ref().map(PathBuf::from), global.env_file.clone(), global.config.clone()];
        let cache = environment::cache(global)?.root().to_owned();
        let mut paths = vec![runs.to_owned(), cache, PathBuf::from(".env")];
        paths.extend(named.into_iter().flatten());
        let key_variable = connector.key_variable(&self.target.choice())?;
        let secret = Secret { paths: &paths, key_variable: key_variable.as_deref() };
        let (proposer, command) = self.agent.proposer(global, &secret, connector.observer)?;
        Ok((Proposing::Outside(proposer), Some(command)))
    }

    pub fn clock(&self) -> Clock {
        self.each.fixed_clock.map_or(Clock::System, Clock::Fixed)
    }
}

pub async fn main(global: &Global, args: RunArgs) -> CliResult {
    let front = Front::command_line();
    match &args.again.resume {
        Some(run) => resume::main(global, &args, run, front).await,
        None => begin(global, &args, front).await,
    }
}

/// Begins a new run, and searches.
pub async fn begin(global: &Global, args: &RunArgs, mut front: Front) -> CliResult {
    front.telemetry = args.each.telemetry()?;
    let terminal = Arc::new(Terminal::new(global, args.new.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let client = front.client.take();
    let asked = if args.place.dry_run { None } else { Some(models(global, args, client, &observer)?) };
    let (models, command) = asked.unzip();
    let clock = args.clock();
    let run_id = args.place.run_id.clone().unwrap_or_else(|| default_run_id(clock));
    writer::check_run_id(&run_id)?;
    refuse_runs(&args.place.runs_dir).map_err(|why| CliError::input(format!("--runs-dir: {why}")))?;
    if args.new.eval_size == 0 {
        return Err(CliError::input("--eval-size 0: a search needs at least one validation example"));
    }
    let columns = args.columns.resolve();
    let source = Source { name: args.each.dataset.as_deref().unwrap_or(BUILTIN), columns: &columns };
    let mut dataset = workbench::dataset(source, args.new.seed, &*observer)?;
    let limits = args.limits.resolve(models.as_ref().is_some_and(|models| models.target.is_local));
    let starts::Starts { baselines, given } = starts::read(&args.new, &dataset, &limits).await?;
    let builder =
        workbench::open(global, args.new.harness_language, &limits, &args.limits.machine, &*observer).await?;
    let builder = args.fleet.join(builder, &terminal).await?;
    workbench::scorer(&builder, &mut dataset).await?;
    starts::check(&args.new, &builder, &dataset, &baselines).await?;
    terminal.done();
    let Some(models) = models else {
        dry_run(global, args, &dataset, &baselines, &builder, &observer).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let val = dataset::sample(&dataset.val, args.new.eval_size, args.new.seed);
    let concurrency = concurrency::choose(args.change.concurrency, &models.target, &*observer).await;
    let about = (run_id, concurrency, baselines.len() as u32);
    let facts = Some(models.target.model.facts().await).filter(|facts| !facts.is_empty());
    let config = config(args, about, &models, clock, &dataset, &builder);
    let (proposer_command, target_facts) = (command.flatten(), facts);
    let summary = Summary::new(Config { proposer_command, target_facts, given_components: given, ..config });
    let cost = CostFile { mock: args.new.mock, budget_usd: summary.config.budget_usd, ..CostFile::default() };
    let beginning =
        Beginning { config: &summary.config, summary: &summary, cost: &cost, baselines: &baselines };
    OwnRuns::open(global)?.enter(&writer::config_bytes(&summary.config)?)?;
    let writer = RunWriter::create(&args.place.runs_dir, &beginning)?;
    let folder = args.place.runs_dir.join(&summary.config.run_id);
    let budget_usd = args.money.budget_usd();
    let start = Start { summary, writer, baselines, dataset, val };
    let plan = Plan { start, models, budget_usd, clock };
    session::run(plan, folder, builder, terminal, (&front, args.again.json)).await
}

/// Proposer and target of a new run, or why they cannot be asked; and what is recorded of a command that proposes.
fn models(
    global: &Global,
    args: &RunArgs,
    client: Option<ReadyProposer>,
    observer: &Arc<dyn Observer>,
) -> Result<(Models, Option<ProposerCommand>), CliError> {
    let connector = connector(global, args, observer);
    connector.tell_of_budgets(args.protocol.candidate_budget_usd);
    let (proposing, command) = match client {
        Some(client) => (Proposing::Outside(client), None),
        None => args.proposing(&connector, args.proposer.choice(), &args.place.runs_dir)?,
    };
    Ok((session::models(&connector, proposing, &args.target.choice())?, command))
}

fn connector<'a>(global: &'a Global, args: &'a RunArgs, observer: &'a Arc<dyn Observer>) -> Connector<'a> {
    let (money, mock, seed) = (&args.money, args.new.mock, args.new.seed);
    Connector { global, whose: Whose::Own, money, mock, seed, observer }
}

async fn dry_run(
    global: &Global,
    args: &RunArgs,
    dataset: &Dataset,
    baselines: &[Baseline],
    builder: &Builder,
    observer: &Arc<dyn Observer>,
) -> Result<(), CliError> {
    if args.agent.is_given() {
        return Err(CliError::input(
            "--dry-run: what the command of --proposer-command spends is not known to this program",
        ));
    }
    if args.new.mock {
        return Err(CliError::input("--mock costs nothing; --dry-run estimates what real models cost"));
    }
    let connector = connector(global, args, observer);
    let (proposer, target) =
        (connector.priced(&args.proposer.choice())?, connector.priced(&args.target.choice())?);
    let val = dataset::sample(&dataset.val, args.new.eval_size, args.new.seed);
    let plan = estimate::Plan {
        iterations: args.change.iterations.unwrap_or(DEFAULT_ITERATIONS),
        protocol: args.protocol.protocol(baselines.len() as u32),
        seed: args.new.seed,
        dataset,
        val: &val,
        with_test: !args.new.no_test,
        baselines,
        builder,
        proposer: (&proposer.0, &proposer.1),
        target: (&target.0, &target.1),
        budget_usd: args.money.budget_usd(),
    };
    estimate::print(&plan, args.again.json).await
}

fn config(
    args: &RunArgs,
    (run_id, concurrency, baselines): (String, usize, u32),
    models: &Models,
    clock: Clock,
    dataset: &Dataset,
    builder: &Builder,
) -> Config {
    let (proposer, target) = (models.proposer.name().to_owned(), models.target.model.id().to_owned());
    let priced = |model: &ReadyModel| (model.model.id().to_owned(), model.price.clone());
    let tools = builder.compiler.tools();
    let prices: BTreeMap<_, _> = models.by_role().map(|(_, ready)| priced(ready)).collect();
    let protocol = args.protocol.protocol(baselines);
    Config {
        schema_version: SCHEMA_VERSION,
        run_id,
        iterations: args.change.iterations.unwrap_or(DEFAULT_ITERATIONS),
        dataset: dataset.task.name.clone(),
        dataset_path: args.each.dataset.clone().filter(|name| name != BUILTIN),
        dataset_columns: args.columns.resolve(),
        eval_split_size: args.new.eval_size.min(dataset.val.len()),
        proposer_model: proposer,
        target_model: target,
        mock: args.new.mock,
        started_at: clock.now(),
        seed: args.new.seed,
        concurrency,
        with_test: !args.new.no_test,
        limits: builder.sandbox.limits().clone(),
        prices,
        budget_usd: (!args.new.mock).then(|| args.money.budget_usd()),
        candidate_budget_usd: args.protocol.candidate_budget_usd.filter(|_| !args.new.mock),
        providers: models.providers(),
        task: dataset.info(),
        dataset_digest: dataset.digest,
        harness_language: tools.language,
        toolchain: tools.toolchain,
        sdk_digest: tools.sdk_source,
        sdk_build_digest: tools.sdk_build,
        wit: WitInfo {
            package: format!("{PACKAGE}@{}", dataset.kind.world().version()),
            digest: Digest::of(sdk::WIT),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        deny_leaks: args.new.deny_leaks,
        confinement: builder.compiler.confinement(),
        proposer_kind: models.proposer.kind(),
        proposer_command: None,
        target_facts: None,
        patience: args.change.patience.unwrap_or(DEFAULT_PATIENCE),
        learn_batches: evaluate::planned(&dataset.train, builder.sandbox.limits(), &protocol),
        protocol,
        given_components: Vec::new(),
        resumes: Vec::new(),
    }
}

fn default_run_id(clock: Clock) -> String {
    clock.now().strftime("%Y%m%d-%H%M%S").to_string()
}
