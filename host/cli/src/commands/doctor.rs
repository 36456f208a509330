//! `mmh doctor`: what this system offers, and what to do about what is missing.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::{
    environment,
    error::{CliResult, EXAMINED_NOT_OK},
    global::Global,
    keys, output,
};
use mmh_engine::{
    jail::{
        self, Jail,
        features::{self, Feature},
    },
    toolchain::{IfMissing, TARGET, Toolchain},
};
use mmh_record::text;

#[derive(Args)]
pub struct DoctorArgs {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
}

pub async fn main(global: &Global, args: DoctorArgs) -> CliResult {
    let cache = environment::cache(global)?;
    let (jail, features) = confinement().await;
    let findings = [compiler(global).await, jail, host(), cache_folder(&cache)];
    let keys = keys::known(global, &environment::catalog(global)?)?;
    let ok = findings.iter().all(|finding| finding.ok);
    if args.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|finding| json!({ "what": finding.what, "ok": finding.ok, "detail": finding.detail }))
            .collect();
        let keys: serde_json::Map<_, _> = keys.into_iter().map(|(name, set)| (name, json!(set))).collect();
        output::json(&json!({ "ok": ok, "findings": rows, "jail": features, "keys": keys }));
    } else {
        for Finding { what, ok, detail } in &findings {
            outln!("{:<8}  {what}: {detail}", if *ok { "ok" } else { "PROBLEM" });
            if *what == "jail" {
                for Feature { name, ok, detail } in &features {
                    outln!("{:<8}    {name}: {detail}", if *ok { "" } else { "MISSING" });
                }
            }
        }
        for (name, set) in keys {
            outln!("{:<8}  key {name}: {}", "", if set { "set" } else { "not set" });
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXAMINED_NOT_OK) })
}

async fn compiler(global: &Global) -> Finding {
    let environment = environment::for_compilers();
    let found = Toolchain::find(global.rustc.as_deref(), environment, IfMissing::Report, &|_| {}).await;
    let (ok, detail) = match found {
        Ok(found) => {
            (true, format!("{}, with the target {TARGET}, at {}", found.summary(), text::path(&found.rustc)))
        }
        Err(error) => (false, error.to_string()),
    };
    Finding { what: "compiler", ok, detail }
}

async fn confinement() -> (Finding, Vec<Feature>) {
    let (ok, detail, features) = match environment::this_program() {
        Ok(program) => {
            let found = features::detect(&Jail::new(program)).await;
            (found.confines, found.detail, found.features)
        }
        Err(_) => (false, "this program's own file cannot be found".into(), Vec::new()),
    };
    (Finding { what: "jail", ok, detail }, features)
}

/// Whether this process keeps its keys to itself.
fn host() -> Finding {
    let (ok, detail) = match jail::keeps_to_itself() {
        true => (true, "writes no core dumps, and no other process of yours can look into it"),
        false => {
            (false, "this system lets it write core dumps, or others look into it: keys may be in there")
        }
    };
    Finding { what: "host", ok, detail: detail.into() }
}

fn cache_folder(cache: &mmh_engine::cache::Cache) -> Finding {
    let (ok, detail) = match cache.scratch() {
        Ok(_) => (true, format!("{} can be written", text::path(cache.root()))),
        Err(error) => (false, error.to_string()),
    };
    Finding { what: "cache", ok, detail }
}
