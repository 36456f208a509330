//! `mmh check`: compile one harness and say what is wrong with it.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

pub use crate::files::{BEYOND, source as read_source};
use crate::{
    error::{CliResult, EXAMINED_NOT_OK},
    global::Global,
    limits::LimitArgs,
    output,
    terminal::Terminal,
    workbench,
};
use mmh_record::text;

#[derive(Args)]
pub struct CheckArgs {
    /// The harness's source
    #[arg(value_name = "HARNESS.rs")]
    harness: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub async fn main(global: &Global, args: CheckArgs) -> CliResult {
    let limits = args.limits.resolve(false);
    let source = read_source(&args.harness, limits.source_bytes)?;
    let builder =
        workbench::open(global, &limits, &args.limits.machine, &Terminal::new(global, false)).await?;
    let (ok, shown, json) = match builder.build(&source).await? {
        Ok(built) => {
            let size = text::bytes(built.component.bytes.len() as u64);
            let digest = built.component.digest;
            let shown = format!("ok: component of {size}, sha256 {digest}");
            let json = json!({
                "ok": true,
                "component_digest": digest,
                "component_bytes": built.component.bytes.len(),
                "imports": built.component.imports,
                "cached": built.component.cached,
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
