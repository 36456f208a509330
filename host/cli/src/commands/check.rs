//! `mmh check`: compile one harness or scorer and say what is wrong with it.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};

use crate::commands::folder;
use crate::{
    diagnostics::{self, Author},
    error::{CliResult, EXAMINED_NOT_OK},
    global::Global,
    limits::LimitArgs,
    output,
    project::{self, Given},
    terminal::Terminal,
    workbench,
};
use mmh_engine::{
    build::Builder,
    compile::{BuildResult, Component, Rejection, RejectionKind},
};
use mmh_record::text;

#[derive(Args)]
pub struct CheckArgs {
    /// The harness, or a task's scorer: its source, its project's folder, or a component
    #[arg(value_name = "HARNESS.rs|PROJECT|COMPONENT.wasm")]
    harness: PathBuf,
    /// Show the compiler's warnings as well, which are no reason to refuse a harness
    #[arg(long)]
    warnings: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn main(global: &Global, args: CheckArgs) -> CliResult {
    // In a proposer's work folder there is no compiler, but a search that has one.
    if !project::is_project(&args.harness)
        && let Some(checked) = folder::check(&args.harness)
    {
        return checked;
    }
    let limits = args.limits.resolve(false);
    let given = match project::read(&args.harness, &limits).await? {
        Ok(given) => given,
        Err(rejection) => return Ok(refused(&args, Author::new(None), &rejection)),
    };
    let builder =
        workbench::open(global, given.language, &limits, &args.limits.machine, &Terminal::new(global, false))
            .await?;
    let author = Author::new(given.file.as_deref());
    let (world, component) = match build(&builder, &given).await? {
        Ok(built) => built,
        Err(rejection) => return Ok(refused(&args, author, &rejection)),
    };
    let warnings = match args.warnings && given.made_outside().is_none() && !given.source.is_empty() {
        true => builder.compiler.warnings(&given.source).await?.unwrap_or_default(),
        false => String::new(),
    };
    match args.json {
        true => output::json(&accepted(&given, (world, &component), &author.places(&warnings))),
        false => {
            let size = text::bytes(component.bytes.len() as u64);
            let what = if world == HARNESS { "" } else { "a scorer, " };
            let made = given.made_outside().map(|made| format!("; {}", made.words())).unwrap_or_default();
            let warnings = author.places(&diagnostics::only_warnings(&warnings));
            if !warnings.is_empty() {
                outln!("{warnings}\n");
            }
            outln!("ok: {what}component of {size}, sha256 {}{made}", component.digest);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn accepted(given: &Given, (world, component): (&str, &Component), warnings: &str) -> Value {
    let mut json = json!({
        "ok": true,
        "world": world,
        "component_digest": component.digest,
        "component_bytes": component.bytes.len(),
        "imports": component.imports,
        "cached": component.cached,
    });
    if let Some(made) = given.made_outside() {
        json["built"] = json!(made);
    }
    if !warnings.is_empty() {
        json["warnings"] = json!(warnings);
    }
    json
}

fn refused(args: &CheckArgs, author: Author<'_>, rejection: &Rejection) -> ExitCode {
    match args.json {
        true => output::json(&json!({
            "ok": false,
            "kind": rejection.kind.name(),
            "message": rejection.message,
            "diagnostics": author.places(&rejection.diagnostics),
            "hints": diagnostics::hints(rejection),
        })),
        false => outln!("{}", author.rejection(rejection, args.warnings)),
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// The worlds of the contract that a source can be built for.
const HARNESS: &str = "harness";
const SCORER: &str = "scorer";

/// Builds a harness, or a scorer if the source is one.
async fn build(builder: &Builder, given: &Given) -> BuildResult<(&'static str, Component)> {
    let rejection = match given.build(builder).await? {
        Ok(built) => return Ok(Ok((HARNESS, built.component))),
        Err(rejection) => rejection,
    };
    if rejection.kind == RejectionKind::BadComponent
        && let Ok(scorer) = given.build_scorer(builder).await?
    {
        return Ok(Ok((SCORER, scorer.component)));
    }
    Ok(Err(rejection))
}
