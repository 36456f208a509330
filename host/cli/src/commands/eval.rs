//! `mmh eval`: evaluate one harness, from source, compiled, or out of a run, with one target model or with several.

mod alone;
mod bench;
mod of_run;
mod transfer;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::commands::check::BEYOND;
use crate::{
    baselines, concurrency,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    files,
    fleet_args::FleetArgs,
    global::Global,
    limits::LimitArgs,
    model_args::{Connector, MoneyArgs},
    output,
    output_file::{OutputFile, has_ending},
    protocol_args::LearningArgs,
    session::stop_on_signal,
    targets_args::TargetsArgs,
    terminal::Terminal,
    whose::Whose,
    workbench::{self, ColumnArgs},
};
use bench::Bench;
use mmh_engine::{
    build::{Builder, Built},
    compile::Rejection,
};
use mmh_record::{
    data::Split,
    digest::Digest,
    format::{Protocol, TraceRow},
    leak::{Leak, Place},
    text,
};
use mmh_search::{
    dataset::{self, BUILTIN, Dataset, Example, Source},
    leaks,
    leaks::Lint,
    progress::Observer,
};
use of_run::OfRun;

/// Leaks that are shown one by one; JSON has all.
const SHOWN_LEAKS: usize = 10;

#[derive(Args)]
pub struct EvalArgs {
    /// The harness: its source, a compiled component, one that ships with mmh (zero-shot, few-shot-all, few-shot-random,
    /// nearest), or a run's folder, with --iteration
    #[arg(value_name = "HARNESS.rs|COMPONENT.wasm|NAME|RUN")]
    harness: PathBuf,
    /// The iteration of the run [default: the best one on validation]
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    /// Use a simulated target model: offline, free, and deterministic by seed
    #[arg(long)]
    mock: bool,
    /// The data set: built in, a folder with files train, val and test, or one file; .jsonl, .json, .csv, .tsv or .gz
    /// [default: symptoms-mini, or the run's own]
    #[arg(long, value_name = "NAME|PATH")]
    dataset: Option<String>,
    #[command(flatten)]
    columns: ColumnArgs,
    /// The examples to evaluate on
    #[arg(long, default_value = "val")]
    split: SplitArg,
    /// Examples to evaluate; all if not given, or of validation as many as the run had
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    eval_size: Option<u32>,
    /// Decides everything that chance decides [default: 0, or the run's own]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[arg(long, value_name = "N", help = concurrency::help(""), value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: Option<u16>,
    #[command(flatten)]
    learning: LearningArgs,
    /// Write what happened on every example to this file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Refuse a harness that carries validation or test examples along, instead of reporting them
    #[arg(long)]
    deny_leaks: bool,
    /// Print the score as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: TargetsArgs,
    #[command(flatten)]
    money: MoneyArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    fleet: FleetArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum SplitArg {
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

pub async fn main(global: &Global, args: EvalArgs) -> CliResult {
    let trace = trace_file(global, &args)?;
    let of_run = OfRun::open(global, &args)?;
    let of_run = of_run.as_ref();
    let mock = args.mock || of_run.is_some_and(|run| run.config.mock && !args.target.is_given());
    let seed = args.seed.or(of_run.map(|run| run.config.seed)).unwrap_or_default();
    let terminal = Arc::new(Terminal::new(global, mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let (money, whose) = (&args.money, of_run.map_or(Whose::Own, |run| run.whose));
    let connector = Connector { global, whose, money, mock, seed, observer: &observer };
    let targets = transfer::targets(&connector, &args.target, of_run)?;
    let mut dataset = match of_run {
        Some(run) => run.dataset(&args, &*observer)?,
        None => {
            let name = args.dataset.as_deref().unwrap_or(BUILTIN);
            let source = Source { name, columns: &args.columns.resolve() };
            workbench::dataset(source, seed, &*observer)?
        }
    };
    // It takes milliseconds, in which the harness is built or found.
    let all = dataset.clone();
    let lint = tokio::task::spawn_blocking(move || Lint::of(&all));
    let limits = match of_run {
        Some(run) => run.limits(&args)?,
        None => args.limits.resolve(targets.iter().any(|target| target.model.is_local)),
    };
    let builder = workbench::open(global, &limits, &args.limits.machine, &*observer).await?;
    let builder = args.fleet.join(builder, &terminal).await?;
    workbench::scorer(&builder, &mut dataset).await?;
    terminal.done();
    let (source, built) = match build(&args, of_run, &builder).await? {
        Ok(built) => built,
        Err(rejection) => return Ok(rejected(&args, &rejection)),
    };
    let lint = lint.await.map_err(CliError::host)?;
    let leaks = lint.check(&source, &built.component.bytes);
    if args.deny_leaks && !leaks.is_empty() {
        return Ok(denied(&args, &leaks));
    }
    let bench = Bench {
        learn_batches: of_run.map_or_else(Vec::new, |run| run.config.learn_batches.clone()),
        protocol: protocol(&args, of_run),
        examples: examples(&args, of_run, &dataset, seed)?,
        split: args.split.into(),
        asked_concurrency: args.concurrency,
        cancel: stop_on_signal(observer.clone()),
        budget: args.money.budget(),
        limits: &limits,
        builder: &builder,
        dataset: &dataset,
        seed,
        mock,
        observer,
    };
    let harness = Harness { digest: built.component.digest, leaks };
    if of_run.is_some() || targets.len() > 1 {
        let transfer = transfer::Transfer { args: &args, bench: &bench, of_run, harness: &harness };
        return transfer.run(targets, &built, (&terminal, trace.as_ref())).await;
    }
    let mut ran = Vec::new();
    for target in targets {
        ran.push(bench.evaluate(target, bench.budget.clone(), bench.cancel.clone(), built.clone()).await?);
    }
    terminal.done();
    alone::told(&args, &bench, ran.first(), (&harness, trace.as_ref()))
}

/// How the harness learns and how often it predicts: as these options say, or the run's own way where they say nothing.
fn protocol(args: &EvalArgs, of_run: Option<&OfRun>) -> Protocol {
    let asked = args.learning.protocol();
    match of_run.filter(|_| asked.is_plain()).map(|run| run.config.protocol.clone()) {
        Some(Protocol { trials, learning, epochs, batch_size, .. }) => {
            Protocol { trials, learning, epochs, batch_size, ..Protocol::default() }
        }
        None => asked,
    }
}

/// What there is to say of a harness besides its scores.
struct Harness {
    digest: Digest,
    leaks: Vec<Leak>,
}

/// The examples that are asked for.
fn examples(
    args: &EvalArgs,
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

/// The source, which is empty where only the component is there, and what came of it.
async fn build(
    args: &EvalArgs,
    of_run: Option<&OfRun>,
    builder: &Builder,
) -> Result<Result<(String, Built), Rejection>, CliError> {
    if let Some(run) = of_run {
        return Ok(builder.load(run.component()?).await?.map(|built| (run.source(), built)));
    }
    let path = &args.harness;
    if has_ending(path, &[".wasm"]) {
        let most = BEYOND * builder.sandbox.limits().component_bytes;
        let component = files::bytes(path, most, Some("--component-mib"))?;
        return Ok(builder.load(component).await?.map(|built| (String::new(), built)));
    }
    let source = baselines::resolve(path, builder.sandbox.limits().source_bytes)?;
    let verdict = builder.build(&source).await?;
    Ok(verdict.map(|built| (source, built)))
}

fn rejected(args: &EvalArgs, rejection: &Rejection) -> ExitCode {
    if args.json {
        let result = json!({
            "ok": false,
            "kind": rejection.kind.name(),
            "message": rejection.message,
            "diagnostics": rejection.diagnostics,
        });
        output::json(&result);
    } else {
        outln!("{}: {}\n\n{}", rejection.kind.name(), rejection.message, rejection.diagnostics);
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

fn denied(args: &EvalArgs, leaks: &[Leak]) -> ExitCode {
    if args.json {
        output::json(&json!({ "ok": false, "kind": "leak", "leaks": leaks }));
    } else {
        output::text(&format!("leak: the harness was not evaluated\n{}", leaked(leaks)));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// What a harness carries along, example by example.
fn leaked(leaks: &[Leak]) -> String {
    let mut out = String::new();
    if !leaks.is_empty() {
        let more = if leaks.len() == leaks::MAX_LEAKS { " or more" } else { "" };
        out += &format!("LEAK: {}{more} validation or test examples stand in the harness\n", leaks.len());
    }
    for Leak { place, example_id, excerpt, .. } in leaks.iter().take(SHOWN_LEAKS) {
        let place = match place {
            Place::Source => "source",
            Place::Data => "data",
        };
        out += &format!("  {example_id} in its {place}: {excerpt}\n");
    }
    text::plain(&out)
}

/// Where the outcomes of the examples go, if they are wanted. Nothing that the command reads is written over.
fn trace_file(global: &Global, args: &EvalArgs) -> Result<Option<OutputFile>, CliError> {
    let Some(path) = &args.trace else { return Ok(None) };
    let named = [Some(args.harness.as_path()), args.dataset.as_deref().map(Path::new)];
    let settings = [global.config.as_deref(), global.env_file.as_deref()];
    let inputs: Vec<&Path> = named.into_iter().chain(settings).flatten().collect();
    OutputFile::check(path, &inputs, &[".jsonl", ".ndjson", ".json"]).map(Some)
}

fn write_trace(file: &OutputFile, evaluations: &[&[TraceRow]]) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    for row in evaluations.iter().copied().flatten() {
        serde_json::to_writer(&mut bytes, row).map_err(CliError::host)?;
        bytes.push(b'\n');
    }
    file.write(&bytes)
}
