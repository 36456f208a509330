//! `mmh eval`: evaluate one harness, from source or compiled.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::commands::check::BEYOND;
use crate::{
    concurrency,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    files,
    global::Global,
    limits::LimitArgs,
    model_args::{self, Connector, MoneyArgs, TargetArgs},
    output,
    output_file::{OutputFile, has_ending},
    protocol_args::LearningArgs,
    scoreboard,
    session::stop_on_signal,
    terminal::Terminal,
    whose::Whose,
    workbench::{self, ColumnArgs},
};
use mmh_engine::{
    build::{Builder, Built},
    compile::Rejection,
};
use mmh_models::cancel::Stop;
use mmh_record::{
    clock::Clock,
    data::Split,
    digest::Digest,
    format::{Cost, Score, TraceRow},
    leak::{Leak, Place},
    pricing::Usd,
    text,
};
use mmh_search::session::Session;
use mmh_search::{
    dataset::{self, BUILTIN, Dataset, Source},
    evaluate::{
        self, EVALUATION_TIMEOUT, Evaluation, Evaluator, ExampleSet, LEARN_FAILED, Learned, Learning,
        Outcome, RecordedEvaluation, Sink, replies::Tally, sink::Discard,
    },
    leaks,
    leaks::Lint,
    progress::Observer,
    score::score,
};

/// Leaks that are shown one by one; JSON has all.
const SHOWN_LEAKS: usize = 10;

#[derive(Args)]
pub struct EvalArgs {
    /// The harness: its source, or a compiled component
    #[arg(value_name = "HARNESS.rs|COMPONENT.wasm")]
    harness: PathBuf,
    /// Use a simulated target model: offline, free, and deterministic by seed
    #[arg(long)]
    mock: bool,
    /// The data set: built in, a folder with files train, val and test, or one file; .jsonl, .json, .csv, .tsv or .gz
    #[arg(long, default_value = BUILTIN, value_name = "NAME|PATH")]
    dataset: String,
    #[command(flatten)]
    columns: ColumnArgs,
    /// The examples to evaluate on
    #[arg(long, default_value = "val")]
    split: SplitArg,
    /// Examples to evaluate; all if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    eval_size: Option<u32>,
    /// Decides everything that chance decides
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
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
    target: TargetArgs,
    #[command(flatten)]
    money: MoneyArgs,
    #[command(flatten)]
    limits: LimitArgs,
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
    let terminal = Arc::new(Terminal::new(global, args.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let (money, mock, seed) = (&args.money, args.mock, args.seed);
    let connector = Connector { global, whose: Whose::Own, money, mock, seed, observer: &observer };
    let target = connector.target(&args.target.choice())?;
    let replies = model_args::replies(global, &target)?;
    let source = Source { name: &args.dataset, columns: &args.columns.resolve() };
    let mut dataset = workbench::dataset(source, args.seed, &*observer)?;
    // It takes milliseconds, in which the harness is built or found.
    let (train, val, test) = (dataset.train.clone(), dataset.val.clone(), dataset.test.clone());
    let lint = tokio::task::spawn_blocking(move || Lint::new(&train, &val, &test));
    let limits = args.limits.resolve(target.is_local);
    let builder = workbench::open(global, &limits, &args.limits.machine, &*observer).await?;
    workbench::scorer(&builder, &mut dataset).await?;
    terminal.done();
    let (source, built) = match build(&args, &builder).await? {
        Ok(built) => built,
        Err(rejection) => return Ok(rejected(&args, &rejection)),
    };
    let lint = lint.await.map_err(CliError::host)?;
    let leaks = lint.check(&source, &built.component.bytes);
    if args.deny_leaks && !leaks.is_empty() {
        return Ok(denied(&args, &leaks));
    }
    let cancel = stop_on_signal(observer.clone());
    let budget = args.money.budget();
    let session =
        Session { limits: &limits, budget: budget.clone(), clock: Clock::System, cancel: cancel.clone() };
    let concurrency = concurrency::choose(args.concurrency, &target, &*observer).await;
    let target = Arc::new(session.target(target, concurrency, replies));
    let protocol = args.learning.protocol();
    let batches = evaluate::planned(&dataset.train, &limits, &protocol);
    let evaluator = session.evaluator(
        &builder,
        target.clone(),
        (&dataset, &dataset.info(), &batches, &protocol),
        (args.seed, concurrency),
        observer,
    );
    let digest = built.component.digest;
    let evaluated = evaluate(&args, &evaluator, &dataset, built).await;
    terminal.done();
    let (learned, done) = match evaluated? {
        Ok(evaluated) => evaluated,
        Err(problem) => {
            let failed = failed(&args, &problem);
            return Ok(cancel.why().map_or(failed, |stop| CliError::stopped(&stop, "nothing was evaluated")));
        }
    };
    if let Some(file) = &trace {
        write_trace(file, &done.rows)?;
    }
    let (mut cost, standing) = (learned.cost, budget.status());
    cost += done.cost;
    // What else was paid for, or may be owed: calls whose answers belong to no example.
    let paid = Usd::from_f64(cost.estimated_usd);
    cost.unknown_usd = standing.spent.plus(standing.unknown).minus(paid).as_f64();
    let ended = Ended { cost, replies: target.tally(), digest, leaks };
    // Calls were refused because of the money or of the model: what harnesses made of that is no score.
    match cancel.why().filter(|stop| *stop != Stop::Asked) {
        Some(stop) => not_scored(&args, &done, &ended, &stop),
        None => scored(&args, &dataset, &learned, &done, &ended),
    }
    let done = format!("{} examples were evaluated", done.rows.len());
    Ok(cancel.why().map_or(ExitCode::SUCCESS, |stop| CliError::stopped(&stop, &done)))
}

/// What there is to say besides the score.
struct Ended {
    cost: Cost,
    replies: Option<Tally>,
    digest: Digest,
    leaks: Vec<Leak>,
}

fn scored(args: &EvalArgs, dataset: &Dataset, learned: &Learned, done: &Evaluation, ended: &Ended) {
    let Ended { cost, replies, digest, leaks } = ended;
    let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
    let score = score(&outcomes, dataset.kind.objective(), learned, args.mock);
    if args.json {
        let result = json!({ "ok": true, "component_digest": digest, "dataset": dataset.task.name, "data_findings": dataset.findings, "complete": done.complete, "cost": cost, "replies": replies, "score": score, "remark": score.asks_no_model(), "leaks": leaks });
        output::json(&result);
    } else {
        output::text(&(shown(args, dataset, &score, &done.rows) + &leaked(leaks)));
        paid(args, ended);
    }
}

fn not_scored(args: &EvalArgs, done: &Evaluation, ended: &Ended, stop: &Stop) {
    let Ended { cost, replies, .. } = ended;
    if args.json {
        let result = json!({ "ok": false, "kind": stop.status(), "message": stop.reason(), "evaluated": done.rows.len(), "cost": cost, "replies": replies });
        output::json(&result);
    } else {
        outln!("not scored: {}", stop.status());
        paid(args, ended);
    }
}

fn paid(args: &EvalArgs, ended: &Ended) {
    if !args.mock {
        outln!("cost: {}", scoreboard::cost(&ended.cost));
        output::text(&model_args::kept(ended.replies));
    }
}

/// The source, which is empty where only the component is there, and what came of it.
async fn build(args: &EvalArgs, builder: &Builder) -> Result<Result<(String, Built), Rejection>, CliError> {
    let path = &args.harness;
    if has_ending(path, &[".wasm"]) {
        let most = BEYOND * builder.sandbox.limits().component_bytes;
        let component = files::bytes(path, most, Some("--component-mib"))?;
        return Ok(builder.load(component).await?.map(|built| (String::new(), built)));
    }
    let source = crate::commands::check::read_source(path, builder.sandbox.limits().source_bytes)?;
    let verdict = builder.build(&source).await?;
    Ok(verdict.map(|built| (source, built)))
}

/// Why a harness has no score: the kind, and the words.
type Unscored = (&'static str, String);

/// Learning, then all examples; or why there is no score.
async fn evaluate(
    args: &EvalArgs,
    evaluator: &Evaluator,
    dataset: &Dataset,
    built: Built,
) -> Result<Result<(Learned, Evaluation), Unscored>, CliError> {
    let sink: Arc<dyn Sink> = Arc::new(Discard);
    let learned = match evaluator.learn(built, &dataset.train, &RecordedEvaluation::default(), &sink).await? {
        Learning::Done(learned) => learned,
        Learning::Failed { status, reason, .. } => return Ok(Err((status, reason))),
        Learning::Interrupted { .. } => return Ok(Err((LEARN_FAILED, "stopped while learning".into()))),
    };
    let split = Split::from(args.split);
    let size = args.eval_size.map_or(usize::MAX, |size| size as usize);
    let examples = dataset::sample(dataset.split(split), size, args.seed);
    if examples.is_empty() {
        return Err(CliError::input(format!(
            "the data set {} has no {} examples",
            dataset.task.name,
            split.name()
        )));
    }
    let trials = args.learning.protocol().trials;
    let set = ExampleSet { trials, ..ExampleSet::new(split, &examples) };
    let done = evaluator.evaluate(&learned, set, RecordedEvaluation::default(), sink).await?;
    match done.timed_out {
        Some(reason) => Ok(Err((EVALUATION_TIMEOUT, reason))),
        None => Ok(Ok((learned, done))),
    }
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

fn failed(args: &EvalArgs, (kind, problem): &Unscored) -> ExitCode {
    if args.json {
        output::json(&json!({ "ok": false, "kind": kind, "message": problem }));
    } else {
        outln!("{kind}: {}", text::plain(problem));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// Where the outcomes of the examples go, if they are wanted. Nothing that the command reads is written over.
fn trace_file(global: &Global, args: &EvalArgs) -> Result<Option<OutputFile>, CliError> {
    let Some(path) = &args.trace else { return Ok(None) };
    let named = [Some(args.harness.as_path()), Some(Path::new(&args.dataset))];
    let settings = [global.config.as_deref(), global.env_file.as_deref()];
    let inputs: Vec<&Path> = named.into_iter().chain(settings).flatten().collect();
    OutputFile::check(path, &inputs, &[".jsonl", ".ndjson", ".json"]).map(Some)
}

fn write_trace(file: &OutputFile, rows: &[TraceRow]) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row).map_err(CliError::host)?;
        bytes.push(b'\n');
    }
    file.write(&bytes)
}

fn shown(args: &EvalArgs, dataset: &Dataset, score: &Score, rows: &[TraceRow]) -> String {
    let mut out = String::new();
    if args.mock {
        let name = dataset.kind.objective().name();
        out += &format!("SIMULATED model: {name} shows that the harness works, not how a real model does\n");
    }
    let figure = score.figure(dataset.kind.objective());
    out += &format!(
        "{} {}: {} {} {} ({} of {}), {:.0} prompt bytes and {} fuel per example\n",
        dataset.task.name,
        Split::from(args.split).name(),
        figure.objective.name(),
        figure.cell(),
        figure.interval(),
        score.n_correct,
        score.n_answers(),
        score.mean_prompt_bytes,
        text::grouped(score.total_fuel / score.n_answers().max(1)),
    );
    if let Some(words) = score.asks_no_model() {
        out += &format!("it {words}: no example makes a call\n");
    }
    for line in mmh_report::compare::trials::lines(score, figure.objective) {
        out += &format!("{line}\n");
    }
    for (kind, count) in score.outcomes.iter().filter(|(kind, _)| *kind != "ok") {
        let first = rows.iter().find(|row| row.error_kind.name() == kind);
        let message = first.and_then(|row| row.error.as_deref()).unwrap_or_default();
        out += &format!("{count} x {kind}, first: {}\n", text::ellipsis(&text::one_line(message), 200));
    }
    let ungraded = rows.iter().filter_map(|row| row.scorer.as_ref()?.failure()).next();
    if let (Some(warning), Some(first)) =
        (score.scorer.as_ref().and_then(|totals| totals.warning()), ungraded)
    {
        out += &format!("{warning}; first: {}\n", text::ellipsis(&text::one_line(&first), 200));
    }
    text::plain(&out)
}
