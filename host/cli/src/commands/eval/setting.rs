//! What every command that evaluates one harness by hand needs: its options, and what is made of them.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};

use super::{
    bench::{Bench, Target},
    of_run::OfRun,
    transfer,
};
use crate::{
    concurrency,
    error::CliError,
    fleet_args::FleetArgs,
    global::Global,
    limits::LimitArgs,
    model_args::{Connector, MoneyArgs},
    project,
    protocol_args::LearningArgs,
    session::stop_on_signal,
    targets_args::TargetsArgs,
    terminal::Terminal,
    whose::Whose,
    workbench::{self, ColumnArgs},
};
use mmh_engine::build::Builder;
use mmh_models::cancel::Cancel;
use mmh_record::{data::Split, format::Protocol, limits::Limits};
use mmh_search::{
    dataset::{self, BUILTIN, Dataset, Example, Source},
    progress::Observer,
};

/// Which harness is evaluated, on what, and how.
#[derive(Args)]
pub struct BenchArgs {
    /// The harness: its source, its project's folder, a compiled component, or one that ships with mmh (zero-shot,
    /// few-shot-all, few-shot-random, nearest)
    #[arg(value_name = "HARNESS.rs|PROJECT|COMPONENT.wasm|NAME")]
    pub harness: PathBuf,
    /// Use a simulated target model: offline, free, and deterministic by seed
    #[arg(long)]
    pub mock: bool,
    /// The data set: built in, a folder with files train, val and test, or one file; .jsonl, .json, .csv, .tsv or .gz
    /// [default: the project's or the run's own, else symptoms-mini]
    #[arg(long, value_name = "NAME|PATH")]
    pub dataset: Option<String>,
    #[command(flatten)]
    pub columns: ColumnArgs,
    /// The examples to evaluate on
    #[arg(long, default_value = "val")]
    pub split: SplitArg,
    /// Examples to evaluate; all if not given, or of validation as many as the run had
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub eval_size: Option<u32>,
    /// Decides everything that chance decides [default: 0, or the run's own]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[arg(long, value_name = "N", help = concurrency::help(""), value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: Option<u16>,
    #[command(flatten)]
    pub learning: LearningArgs,
    #[command(flatten)]
    pub target: TargetsArgs,
    #[command(flatten)]
    pub money: MoneyArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl BenchArgs {
    /// Whether the target is simulated: as asked for, or as in the run whose harness it is.
    fn is_mock(&self, of_run: Option<&OfRun>) -> bool {
        self.mock || of_run.is_some_and(|run| run.config.mock && !self.target.is_given())
    }

    /// What decides all chance: as asked for, or as in the run.
    fn seed(&self, of_run: Option<&OfRun>) -> u64 {
        self.seed.or(of_run.map(|run| run.config.seed)).unwrap_or_default()
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum SplitArg {
    Train,
    Val,
    Test,
}

impl From<SplitArg> for Split {
    fn from(split: SplitArg) -> Self {
        match split {
            SplitArg::Train => Self::Train,
            SplitArg::Val => Self::Val,
            SplitArg::Test => Self::Test,
        }
    }
}

/// The resolved parts of an evaluation.
pub struct Setting {
    pub terminal: Arc<Terminal>,
    pub observer: Arc<dyn Observer>,
    pub targets: Vec<Target>,
    pub dataset: Dataset,
    pub limits: Limits,
    pub builder: Builder,
    pub seed: u64,
    pub mock: bool,
}

impl Setting {
    /// Connects the targets, loads the data, and finds the compiler.
    pub async fn open(
        global: &Global,
        args: &BenchArgs,
        of_run: Option<&OfRun>,
        fleet: Option<&FleetArgs>,
    ) -> Result<Self, CliError> {
        let (mock, seed) = (args.is_mock(of_run), args.seed(of_run));
        let terminal = Arc::new(Terminal::of_evaluation(global, mock));
        project::note(&args.harness, args.dataset.is_none());
        let observer: Arc<dyn Observer> = terminal.clone();
        let targets = connect(global, args, of_run, &observer)?;
        if args.concurrency.is_none() {
            ask_early(&targets);
        }
        let recorded = of_run.map(|run| run.dataset(args, &*observer)).transpose()?;
        let limits = match of_run {
            Some(run) => run.limits(args)?,
            None => args.limits.resolve(targets.iter().any(|target| target.model.is_local)),
        };
        let language = match of_run {
            Some(run) => run.config.harness_language,
            None => project::language(&args.harness)?,
        };
        let dataset = async {
            match recorded {
                Some(dataset) => Ok(dataset),
                None => load(args, seed, &*observer).await,
            }
        };
        let builder = workbench::open(global, language, &limits, &args.limits.machine, &*observer);
        let (mut dataset, builder) = tokio::try_join!(dataset, builder)?;
        let builder = match fleet {
            Some(fleet) => fleet.join(builder, &terminal).await?,
            None => builder,
        };
        workbench::scorer(&builder, &mut dataset).await?;
        terminal.done();
        Ok(Self { terminal, observer, targets, dataset, limits, builder, seed, mock })
    }

    /// What evaluates here. The first Ctrl-C stops it.
    pub fn bench(&self, args: &BenchArgs, of_run: Option<&OfRun>) -> Result<Bench<'_>, CliError> {
        self.bench_with(args, of_run, stop_on_signal(self.observer.clone()))
    }

    /// The same with another way to stop it.
    pub fn bench_with(
        &self,
        args: &BenchArgs,
        of_run: Option<&OfRun>,
        cancel: Cancel,
    ) -> Result<Bench<'_>, CliError> {
        Ok(Bench {
            learn_batches: of_run.map_or_else(Vec::new, |run| run.config.learn_batches.clone()),
            protocol: protocol(args, of_run),
            examples: examples(args, of_run, &self.dataset, self.seed)?,
            split: args.split.into(),
            asked_concurrency: args.concurrency,
            cancel,
            budget: args.money.budget(),
            limits: &self.limits,
            builder: &self.builder,
            dataset: &self.dataset,
            seed: self.seed,
            mock: self.mock,
            observer: self.observer.clone(),
        })
    }
}

/// Asks servers on this machine what they offer while everything else is made ready. A model asks its server for the same
/// thing once, so whoever wants to know it later finds it, or waits for this answer.
fn ask_early(targets: &[Target]) {
    for target in targets.iter().filter(|target| target.model.is_local) {
        let model = target.model.model.clone();
        tokio::spawn(async move { model.offer().await });
    }
}

/// Loads the data set that is named. It takes milliseconds, in which other things can be done.
async fn load(args: &BenchArgs, seed: u64, observer: &dyn Observer) -> Result<Dataset, CliError> {
    let of_project = project::dataset(&args.harness)?.filter(|_| args.dataset.is_none());
    let name = args.dataset.clone().or_else(|| of_project.clone()).unwrap_or_else(|| BUILTIN.to_owned());
    let columns = args.columns.resolve();
    let loading = tokio::task::spawn_blocking(move || Source { name: &name, columns: &columns }.load(seed));
    let loaded = loading.await.map_err(CliError::host)?.map_err(CliError::from);
    let dataset = loaded.map_err(|error| match of_project {
        Some(_) => error.because(&project::names_dataset(&args.harness)),
        None => error,
    })?;
    workbench::tell_findings(&dataset, observer);
    Ok(dataset)
}

/// The target models.
pub fn connect(
    global: &Global,
    args: &BenchArgs,
    of_run: Option<&OfRun>,
    observer: &Arc<dyn Observer>,
) -> Result<Vec<Target>, CliError> {
    let (mock, seed) = (args.is_mock(of_run), args.seed(of_run));
    let (money, whose) = (&args.money, of_run.map_or(Whose::Own, |run| run.whose));
    let connector = Connector { global, whose, money, mock, seed, observer };
    connector.tell_of_budgets(None);
    transfer::targets(&connector, &args.target, of_run)
}

/// How the harness learns and how often it predicts: as these options say, or the run's own way where they say nothing.
fn protocol(args: &BenchArgs, of_run: Option<&OfRun>) -> Protocol {
    let asked = args.learning.protocol();
    match of_run.filter(|_| asked.is_plain()).map(|run| run.config.protocol.clone()) {
        Some(Protocol { trials, learning, epochs, batch_size, .. }) => {
            Protocol { trials, learning, epochs, batch_size, ..Protocol::default() }
        }
        None => asked,
    }
}

/// The examples that are asked for.
fn examples(
    args: &BenchArgs,
    of_run: Option<&OfRun>,
    data: &Dataset,
    seed: u64,
) -> Result<Vec<Example>, CliError> {
    let split = Split::from(args.split);
    let of_run = of_run.filter(|_| split == Split::Val).map(|run| run.config.eval_split_size);
    let size = args.eval_size.map(|size| size as usize).or(of_run).unwrap_or(usize::MAX);
    let examples = dataset::sample(data.split(split), size, seed);
    match examples.is_empty() {
        false => Ok(examples),
        true => {
            Err(CliError::input(format!("the data set {} has no {} examples", data.task.name, split.name())))
        }
    }
}
