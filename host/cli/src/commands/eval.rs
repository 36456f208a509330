//! `mmh eval`: evaluate one harness, from source, compiled, or out of a run, with one target model or with several.

pub mod alone;
pub mod bench;
mod causes;
mod cut;
pub mod examples;
pub mod of_run;
pub mod record;
pub mod setting;
pub mod shown;
mod transfer;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;

use crate::{
    diagnostics::{self, Author},
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    fleet_args::FleetArgs,
    global::Global,
    output,
    output_file::OutputFile,
    project::{self, Given},
};
use examples::Examples;
use mmh_engine::{
    build::{Builder, Built},
    compile::Rejection,
};
use mmh_record::{
    digest::Digest,
    format::TraceRow,
    leak::{Leak, Place},
    limits::Limits,
    text,
};
use mmh_search::{leaks, leaks::Lint};
use of_run::OfRun;
use setting::{BenchArgs, Setting};
use shown::ShowArgs;

/// Leaks that are shown one by one; JSON has all.
const SHOWN_LEAKS: usize = 10;

#[derive(Args)]
pub struct EvalArgs {
    /// The iteration of the run, where the harness is a run's folder [default: the best one on validation]
    #[arg(long, value_name = "N")]
    iteration: Option<u32>,
    #[command(flatten)]
    show: ShowArgs,
    /// Write what happened on every example to this file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Refuse a harness that carries validation or test examples along, instead of reporting them
    #[arg(long)]
    deny_leaks: bool,
    /// Print the score as JSON
    #[arg(long)]
    json: bool,
    // Last, since its headings would hold for what follows.
    #[command(flatten)]
    pub on: BenchArgs,
    #[command(flatten)]
    fleet: FleetArgs,
}

pub async fn main(global: &Global, args: EvalArgs) -> CliResult {
    let on = &args.on;
    let trace = trace_file(global, &args)?;
    let outputs = args.show.outputs(global, on)?;
    let of_run = OfRun::open(global, on, args.iteration)?;
    let of_run = of_run.as_ref();
    let mut setting = Setting::open(global, on, of_run, Some(&args.fleet)).await?;
    args.show.only_alone(of_run.is_some() || setting.targets.len() > 1)?;
    let targets = std::mem::take(&mut setting.targets);
    // It takes milliseconds, in which the harness is built or found.
    let all = setting.dataset.clone();
    let lint = tokio::task::spawn_blocking(move || Lint::of(&all));
    let (given, built) = match build(on, of_run, &setting.builder, &setting.limits).await? {
        Ok(built) => built,
        Err(rejected) => return Ok(rejected.told(args.json)),
    };
    let lint = lint.await.map_err(CliError::host)?;
    let leaks = lint.check(&given.source, &built.component.bytes);
    if args.deny_leaks && !leaks.is_empty() {
        return Ok(denied(&args, &leaks));
    }
    let bench = setting.bench(on, of_run)?;
    args.show.known(&bench.examples)?;
    let harness = Harness { digest: built.component.digest, leaks, given };
    if of_run.is_some() || targets.len() > 1 {
        let transfer = transfer::Transfer { args: &args, bench: &bench, of_run, harness: &harness };
        return transfer.run(targets, &built, (&setting.terminal, trace.as_ref())).await;
    }
    let Some(target) = targets.into_iter().next() else {
        return Err(CliError::host("no target was asked: this is a bug of mmh"));
    };
    let scratch = match args.show.wants_record() {
        true => Some(record::Scratch::begin(&bench, &target.model, &harness, &built)?),
        false => None,
    };
    let (budget, cancel) = (bench.budget.clone(), bench.cancel.clone());
    let ran = bench.evaluate(target, budget, cancel, built.clone(), scratch.as_ref()).await?;
    setting.terminal.done();
    let recorded = scratch.map(|scratch| scratch.finish(&bench, &ran)).transpose()?;
    let on = Examples { bench: &bench, harness: &harness, built: &built, model: &ran.model };
    let alone = alone::Alone { args: &args, on, ran: &ran };
    alone.told(recorded.as_ref(), &outputs, trace.as_ref()).await
}

/// What there is to say of a harness besides its scores.
pub struct Harness {
    pub digest: Digest,
    pub leaks: Vec<Leak>,
    pub given: Given,
}

/// A harness that was turned down, and where its author finds it.
pub struct Rejected {
    rejection: Rejection,
    file: Option<PathBuf>,
}

impl Rejected {
    /// Prints why.
    pub fn told(&self, json: bool) -> ExitCode {
        let Self { rejection, file } = self;
        match json {
            true => output::json(&json!({
                "ok": false,
                "kind": rejection.kind.name(),
                "message": rejection.message,
                "diagnostics": rejection.diagnostics,
                "hints": diagnostics::hints(rejection),
            })),
            false => outln!("{}", Author::new(file.as_deref()).rejection(rejection, false)),
        }
        ExitCode::from(EXAMINED_NOT_OK)
    }
}

/// The harness as it was given, and what came of it.
pub async fn build(
    on: &BenchArgs,
    of_run: Option<&OfRun>,
    builder: &Builder,
    limits: &Limits,
) -> Result<Result<(Given, Built), Rejected>, CliError> {
    if let Some(run) = of_run {
        let built = builder.load(run.component()?).await?;
        let given = || Given::recorded(run.source(), run.config.harness_language);
        return Ok(built
            .map(|built| (given(), built))
            .map_err(|rejection| Rejected { rejection, file: None }));
    }
    let given = match project::read(&on.harness, limits).await? {
        Ok(given) => given,
        Err(rejection) => return Ok(Err(Rejected { rejection, file: None })),
    };
    Ok(match given.build(builder).await? {
        Ok(built) => Ok((given, built)),
        Err(rejection) => Err(Rejected { rejection, file: given.file }),
    })
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
pub fn leaked(leaks: &[Leak]) -> String {
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
    written_to(global, &args.on, path, &[".jsonl", ".ndjson", ".json"]).map(Some)
}

/// A file that an evaluation writes. Nothing that the command reads is written over.
fn written_to(
    global: &Global,
    on: &BenchArgs,
    path: &Path,
    endings: &[&str],
) -> Result<OutputFile, CliError> {
    // A project's folder is read, but what is written into it is not.
    let harness = Some(on.harness.as_path()).filter(|it| !project::is_project(it));
    let named = [harness, on.dataset.as_deref().map(Path::new)];
    let settings = [global.config.as_deref(), global.env_file.as_deref()];
    let inputs: Vec<&Path> = named.into_iter().chain(settings).flatten().collect();
    OutputFile::check(path, &inputs, endings)
}

fn write_trace(file: &OutputFile, evaluations: &[&[TraceRow]]) -> Result<(), CliError> {
    write_rows(file, evaluations.iter().copied().flatten())
}

/// Writes rows as JSON Lines.
fn write_rows<T: serde::Serialize>(
    file: &OutputFile,
    rows: impl IntoIterator<Item = T>,
) -> Result<(), CliError> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, &row).map_err(CliError::host)?;
        bytes.push(b'\n');
    }
    file.write(&bytes)
}
