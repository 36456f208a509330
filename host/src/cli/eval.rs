//! `mmh eval`: evaluate one harness, from source or compiled.

use std::{io::Write, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    CliResult, Global,
    connect::{self, Connector, MoneyArgs, Shared, TargetArgs},
    error::{CliError, EXAMINED_NOT_OK},
    launch::stop_on_ctrl_c,
    limits::LimitArgs,
    scoreboard,
    terminal::Terminal,
    workbench,
};
use crate::{
    build::{Builder, Built},
    clock::Clock,
    compile::Rejection,
    dataset::{self, BUILTIN, Dataset, Split},
    evaluate::{Evaluation, Evaluator, Learned, Learning, Past, Sink, record_share, sink::Discard},
    lint::{self, Leak, Lint, Place},
    progress::Observer,
    record::format::{Score, TaskInfo, TraceRow},
    score::score,
    text,
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
    /// The data set: built in, a folder with train, val and test .jsonl, or a .jsonl or .csv file
    #[arg(long, default_value = BUILTIN, value_name = "NAME|PATH")]
    dataset: String,
    /// The examples to evaluate on
    #[arg(long, default_value = "val")]
    split: SplitArg,
    /// Examples to evaluate; all if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    eval_size: Option<u32>,
    /// Decides everything that chance decides
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Examples evaluated, and calls of the target model made, at once
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
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
    let terminal = Arc::new(Terminal::new(global, args.mock));
    let observer: Arc<dyn Observer> = terminal.clone();
    let connector =
        Connector { global, money: &args.money, mock: args.mock, seed: args.seed, observer: &*observer };
    let target = connector.target(&args.target.choice())?;
    let replies = connect::replies(global, &target)?;
    let dataset = workbench::dataset(&args.dataset, args.seed, &*observer)?;
    let limits = args.limits.resolve();
    let builder = workbench::open(global, &limits, &*observer).await?;
    terminal.done();
    let (source, built) = match build(&args, &builder).await? {
        Ok(built) => built,
        Err(rejection) => return Ok(rejected(&args, &rejection)),
    };
    let lint = Lint::new(&dataset.train, &dataset.val, &dataset.test);
    let leaks = lint.check(&source, &built.component.bytes);
    if args.deny_leaks && !leaks.is_empty() {
        return Ok(denied(&args, &leaks));
    }
    let cancel = stop_on_ctrl_c(observer.clone());
    let budget = args.money.budget();
    let shared =
        Shared { limits: &limits, budget: budget.clone(), clock: Clock::System, cancel: cancel.clone() };
    let evaluator = Evaluator {
        sandbox: builder.sandbox.clone(),
        target: Arc::new(shared.target(target, args.concurrency.into(), replies)),
        task: Arc::new(dataset.task.clone()),
        seed: args.seed,
        concurrency: args.concurrency.into(),
        record_bytes: record_share(&limits, &TaskInfo::of(&dataset)),
        clock: Clock::System,
        observer,
        cancel: cancel.clone(),
    };
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
    if let Some(path) = &args.trace {
        write_trace(path, &done.rows)?;
    }
    let score = score(&done.rows, &learned, args.mock);
    let mut cost = learned.cost;
    cost += done.cost;
    cost.unknown_usd = budget.standing().unknown.as_f64();
    if args.json {
        let result = json!({ "ok": true, "component_digest": digest, "dataset": dataset.task.name, "complete": done.complete, "cost": cost, "score": score, "leaks": leaks });
        println!("{result:#}");
    } else {
        print!("{}{}", shown(&args, &dataset, &score, &done.rows), leaked(&leaks));
        if !args.mock {
            println!("cost: {}", scoreboard::cost(&cost));
        }
    }
    let done = format!("{} examples were evaluated", done.rows.len());
    Ok(cancel.why().map_or(ExitCode::SUCCESS, |stop| CliError::stopped(&stop, &done)))
}

/// The source, which is empty where only the component is there, and what came of it.
async fn build(args: &EvalArgs, builder: &Builder) -> Result<Result<(String, Built), Rejection>, CliError> {
    let path = &args.harness;
    if path.extension().is_some_and(|extension| extension == "wasm") {
        let component = std::fs::read(path)
            .map_err(|error| CliError::input(format!("cannot read {}: {error}", path.display())))?;
        return Ok(builder.load(component).await?.map(|built| (String::new(), built)));
    }
    let source = super::check::read_source(path, builder.sandbox.limits().source_bytes)?;
    let verdict = builder.build(&source).await?;
    Ok(verdict.map(|built| (source, built)))
}

/// Learning, then all examples; or why there was no learning.
async fn evaluate(
    args: &EvalArgs,
    evaluator: &Evaluator,
    dataset: &Dataset,
    built: Built,
) -> Result<Result<(Learned, Evaluation), String>, CliError> {
    let sink: Arc<dyn Sink> = Arc::new(Discard);
    let learned = match evaluator.learn(built.prepared, &dataset.train, &Past::default(), &sink).await? {
        Learning::Done(learned) => learned,
        Learning::Failed { reason, .. } => return Ok(Err(reason)),
        Learning::Interrupted { .. } => return Ok(Err("stopped while learning".into())),
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
    let done = evaluator.evaluate(&learned, &examples, split, None, Past::default(), sink).await?;
    Ok(Ok((learned, done)))
}

fn rejected(args: &EvalArgs, rejection: &Rejection) -> ExitCode {
    if args.json {
        let result = json!({
            "ok": false,
            "kind": rejection.kind.name(),
            "message": rejection.message,
            "diagnostics": rejection.diagnostics,
        });
        println!("{result:#}");
    } else {
        println!("{}: {}\n\n{}", rejection.kind.name(), rejection.message, rejection.diagnostics);
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

fn denied(args: &EvalArgs, leaks: &[Leak]) -> ExitCode {
    if args.json {
        println!("{:#}", json!({ "ok": false, "kind": "leak", "leaks": leaks }));
    } else {
        print!("leak: the harness was not evaluated\n{}", leaked(leaks));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// What a harness carries along, example by example.
fn leaked(leaks: &[Leak]) -> String {
    let mut out = String::new();
    if !leaks.is_empty() {
        let more = if leaks.len() == lint::MAX_LEAKS { " or more" } else { "" };
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

fn failed(args: &EvalArgs, problem: &str) -> ExitCode {
    if args.json {
        println!("{:#}", json!({ "ok": false, "kind": "learn-failed", "message": problem }));
    } else {
        println!("{}", text::plain(problem));
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

fn write_trace(path: &PathBuf, rows: &[TraceRow]) -> Result<(), CliError> {
    let problem =
        |error: &dyn std::fmt::Display| CliError::host(format!("cannot write {}: {error}", path.display()));
    let file = std::fs::File::create(path).map_err(|error| problem(&error))?;
    let mut file = std::io::BufWriter::new(file);
    for row in rows {
        serde_json::to_writer(&mut file, row).map_err(|error| problem(&error))?;
        file.write_all(b"\n").map_err(|error| problem(&error))?;
    }
    file.flush().map_err(|error| problem(&error))
}

fn shown(args: &EvalArgs, dataset: &Dataset, score: &Score, rows: &[TraceRow]) -> String {
    let mut out = String::new();
    if args.mock {
        out += "SIMULATED model: accuracy shows that the harness works, not how a real model does\n";
    }
    out += &format!(
        "{} {}: accuracy {:.1}% {} ({} of {}), {:.0} prompt bytes and {} fuel per example\n",
        dataset.task.name,
        Split::from(args.split).name(),
        100.0 * score.accuracy,
        scoreboard::interval(score),
        score.n_correct,
        score.n_examples,
        score.mean_prompt_bytes,
        text::grouped(score.total_fuel / score.n_examples.max(1)),
    );
    for (kind, count) in score.outcomes.iter().filter(|(kind, _)| *kind != "ok") {
        let first = rows.iter().find(|row| row.error_kind.name() == kind);
        let message = first.and_then(|row| row.error.as_deref()).unwrap_or_default();
        out += &format!("{count} x {kind}, first: {}\n", text::ellipsis(&text::one_line(message), 200));
    }
    text::plain(&out)
}
