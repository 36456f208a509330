//! `mmh check`: compile one harness or scorer and say what is wrong with it.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use crate::commands::folder;
pub use crate::files::{BEYOND, source as read_source};
use crate::{
    error::{CliResult, EXAMINED_NOT_OK},
    global::Global,
    limits::LimitArgs,
    output,
    terminal::Terminal,
    workbench,
};
use mmh_engine::{
    build::Builder,
    compile::{BuildResult, Component, RejectionKind},
};
use mmh_record::text;

#[derive(Args)]
pub struct CheckArgs {
    /// The source of a harness, or of a task's scorer
    #[arg(value_name = "HARNESS.rs")]
    harness: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn main(global: &Global, args: CheckArgs) -> CliResult {
    // In a proposer's work folder there is no compiler, but a search that has one.
    if let Some(checked) = folder::check(&args.harness) {
        return checked;
    }
    let limits = args.limits.resolve(false);
    let source = read_source(&args.harness, limits.source_bytes)?;
    let builder =
        workbench::open(global, &limits, &args.limits.machine, &Terminal::new(global, false)).await?;
    let (ok, shown, json) = match build(&builder, &source).await? {
        Ok((world, component)) => {
            let size = text::bytes(component.bytes.len() as u64);
            let digest = component.digest;
            let what = if world == HARNESS { "" } else { "a scorer, " };
            let shown = format!("ok: {what}component of {size}, sha256 {digest}");
            let json = json!({
                "ok": true,
                "world": world,
                "component_digest": digest,
                "component_bytes": component.bytes.len(),
                "imports": component.imports,
                "cached": component.cached,
            });
            (true, shown, json)
        }
        Err(rejection) => {
            let kind = rejection.kind.name();
            let shown = match rejection.diagnostics.as_str() {
                "" => format!("{kind}: {}", rejection.message),
                diagnostics => format!("{kind}: {}\n\n{diagnostics}", rejection.message),
            };
            let json = json!({
                "ok": false,
                "kind": kind,
                "message": rejection.message,
                "diagnostics": rejection.diagnostics,
            });
            (false, shown, json)
        }
    };
    if args.json {
        output::json(&json);
    } else {
        outln!("{shown}");
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

/// The worlds of the contract that a source can be built for.
const HARNESS: &str = "harness";
const SCORER: &str = "scorer";

/// Builds a harness, or a scorer if the source is one.
async fn build(builder: &Builder, source: &str) -> BuildResult<(&'static str, Component)> {
    let rejection = match builder.build(source).await? {
        Ok(built) => return Ok(Ok((HARNESS, built.component))),
        Err(rejection) => rejection,
    };
    if rejection.kind == RejectionKind::BadComponent
        && let Ok(scorer) = builder.build_scorer(source).await?
    {
        return Ok(Ok((SCORER, scorer.component)));
    }
    Ok(Err(rejection))
}
